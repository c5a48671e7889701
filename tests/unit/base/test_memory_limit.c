// The limits of cgroups, in trees of files as the system shows them, and the sentence about what takes too much.
#include "base/memory_limit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char root[64];

static int make_root(void **state) {
    (void)state;
    snprintf(root, sizeof root, "/tmp/sigmoe-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

// Makes the directories on the way, too.
static void put(const char *name, const char *text) {
    char path[256];
    int length = snprintf(path, sizeof path, "%s%s", root, name);
    for (char *c = path + 1; c < path + length; c++) {
        if (*c != '/') continue;
        *c = '\0';
        mkdir(path, 0777);
        *c = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void the_least_of_the_way_up_counts(void **state) {
    (void)state;
    assert_true(isinf(memory_quota(root)));
    put("/proc/self/cgroup", "0::/a/b\n");
    assert_true(isinf(memory_quota(root)));
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_true(isinf(memory_quota(root)));
    put("/sys/fs/cgroup/a/memory.max", "3000000\n");
    assert_true(memory_quota(root) == 3e6);
    put("/sys/fs/cgroup/a/b/memory.max", "2000000\n");
    assert_true(memory_quota(root) == 2e6);
}

static void version_1_has_another_file(void **state) {
    (void)state;
    put("/proc/self/cgroup", "5:cpu,memory:/jobs\n6:cpuset:/x\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "1000000\n");
    assert_true(memory_quota(root) == 1e6);
}

static void a_need_is_held_against_the_limit(void **state) {
    (void)state;
    memory_need need = {8.2e9, "training on 64 x 256 tokens", "a smaller `batch`"};
    sigmoe_limit_memory(8.2e9);
    assert_true(memory_limit() == 8.2e9);
    assert_int_equal(memory_check(&need), SIGMOE_OK);
    sigmoe_limit_memory(123e6);
    assert_int_equal(memory_check(&need), SIGMOE_NO_MEMORY);
    assert_string_equal(sigmoe_message(), "training on 64 x 256 tokens takes about 8.2 GB of memory, and 123 "
                                          "MB may be taken; a smaller `batch` takes "
                                          "less, and `max_memory` sets how much may be taken");
    sigmoe_limit_memory(0);
    assert_true(memory_limit() > 1e6 && memory_limit() <= memory_quota(""));
    need.bytes = 1e18;
    assert_int_equal(memory_check(&need), SIGMOE_NO_MEMORY);
    assert_non_null(strstr(sigmoe_message(), "takes about 1000 PB of memory"));
    assert_non_null(strstr(sigmoe_message(), "(what the machine has, or its cgroup allows)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_least_of_the_way_up_counts, make_root, drop_root),
        cmocka_unit_test_setup_teardown(version_1_has_another_file, make_root, drop_root),
        cmocka_unit_test(a_need_is_held_against_the_limit),
    };
    return cmocka_run_group_tests_name("memory_limit", tests, NULL, NULL);
}
