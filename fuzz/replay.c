// Runs a fuzzer once on each file of the directories that are named: replay_NAME DIRECTORY... It needs neither clang nor
// libFuzzer, so the inputs that once broke something are tried with every compiler.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void die(const char *path) {
    perror(path);
    exit(1);
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

// Exactly as much memory as the file has bytes, so that a reader that goes beyond them is noticed where the memory is checked.
static unsigned char *contents_of(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) die(path);
    long length = ftell(file);
    if (length < 0) die(path);
    rewind(file);
    unsigned char *bytes = malloc((size_t)length + (length == 0));
    if (!bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length) die(path);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

// Returns the number of files. Each is named before it is run, so that the last name is that of the file that broke it.
static int replay(const char *directory) {
    struct dirent **entries;
    int count = scandir(directory, &entries, is_visible, alphasort);
    if (count < 0) die(directory);
    for (int i = 0; i < count; i++) {
        char path[4096];
        size_t size;
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        puts(path);
        fflush(stdout);
        unsigned char *bytes = contents_of(path, &size);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        free(entries[i]);
    }
    free(entries);
    return count;
}

int main(int argc, char **argv) {
    int files = 0;
    for (int i = 1; i < argc; i++) files += replay(argv[i]);
    if (files == 0) fprintf(stderr, "%s: no input to replay\n", argv[0]);
    return files == 0;
}
