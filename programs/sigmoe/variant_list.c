#include "variant_list.h"

#include "report.h"

#include <string.h>

int variants_split(char *text, const char **variants, int most) {
    int count = 0;
    for (char *word = text, *next; word; word = next) {
        next = strchr(word, ',');
        if (next) *next++ = 0;
        word += *word == '+'; // of names that are added
        if (!*word) {
            complain(EXIT_USAGE, "--variants has an empty name between commas");
            return -1;
        }
        if (count == most) {
            complain(EXIT_USAGE, "--variants has more than %d names", most);
            return -1;
        }
        variants[count++] = word;
    }
    return count;
}
