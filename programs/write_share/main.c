// write_share DIRECTORY: writes manual pages, and what bash, zsh and fish complete, where they look for them below share/.
#include "write_share/share.h"

#include "sigmoe/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int failed;

// Makes the directories on the way to `path`, and opens it; NULL after a complaint.
static FILE *create(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777); // where that fails, opening does
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file) failed = complain(EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    return file;
}

static void finish(FILE *file, const char *path) {
    int bad = ferror(file);
    if (fclose(file) != 0 || bad)
        failed = complain(EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static void write_completion(const char *share, const char *name, void (*print)(FILE *out)) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", share, name);
    FILE *file = create(path);
    if (!file) return;
    print(file);
    finish(file, path);
}

// Of the sources if the builder says so (reproducible-builds.org), otherwise today's.
static const char *date_of_build(void) {
    static char date[64];
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t now = epoch && *epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    struct tm parts;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &parts));
    return date;
}

static FILE *open_page(const char *share, char *path, size_t size, int section, const char *name) {
    snprintf(path, size, "%s/man/man%d/sigmoe%s%s.%d", share, section, *name ? "-" : "", name, section);
    for (char *c = strrchr(path, '/'); *c; c++)
        if (*c == ' ') *c = '-';
    return create(path);
}

static void write_pages(const char *share) {
    char path[4096];
    const char *date = date_of_build();
    FILE *file = open_page(share, path, sizeof path, 1, "");
    if (file) write_overview_page(file, date), finish(file, path);
    file = open_page(share, path, sizeof path, 5, "config");
    if (file) write_config_page(file, date), finish(file, path);
    for (const command *const *c = commands; *c; c++) {
        file = open_page(share, path, sizeof path, 1, (*c)->name);
        if (file) write_command_page(file, *c, date), finish(file, path);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return complain(EXIT_USAGE, "usage: write_share DIRECTORY");
    write_pages(argv[1]);
    write_completion(argv[1], "bash-completion/completions/sigmoe", write_bash_completion);
    write_completion(argv[1], "zsh/site-functions/_sigmoe", write_zsh_completion);
    write_completion(argv[1], "fish/vendor_completions.d/sigmoe.fish", write_fish_completion);
    return failed;
}
