// Quotas of cgroups, in trees of files as the system shows them.
#include "base/cpu_quota.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static void without_cgroups_nothing_is_limited(void **state) {
    (void)state;
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/proc/self/cgroup", "");
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/proc/self/cgroup", "no such line\n0::/nowhere\n3:cpu:/nowhere\n1:\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
}

static void the_least_of_the_way_up_counts(void **state) {
    (void)state;
    put("/proc/self/cgroup", "0::/a/b/c\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/sys/fs/cgroup/a/cpu.max", "650000 100000\n");
    assert_int_equal(cpu_quota(root), 7); // above its own
    put("/sys/fs/cgroup/a/b/c/cpu.max", "150000 50000\n");
    assert_int_equal(cpu_quota(root), 3); // its own
    put("/sys/fs/cgroup/a/b/cpu.max", "100001 100000\n");
    assert_int_equal(cpu_quota(root), 2);
    put("/sys/fs/cgroup/a/other/cpu.max", "1000 100000\n");
    put("/sys/fs/cgroup/a/b/c/below/cpu.max", "1000 100000\n");
    assert_int_equal(cpu_quota(root), 2); // of others
    put("/sys/fs/cgroup/cpu.max", "1000 100000\n");
    assert_int_equal(cpu_quota(root), 1); // a container's root
}

static void of_the_root_itself(void **state) {
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(cpu_quota(root), 4);
    put("/proc/self/cgroup", "0::/../../of-the-host\n");
    assert_int_equal(cpu_quota(root), 4);
}

static void version_1_has_two_files(void **state) {
    (void)state;
    put("/proc/self/cgroup", "5:cpuset:/a\n4:cpuacct,cpu:/a/b\n1:name=systemd:/\n0::/\n");
    put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "350000\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_quota(root), 4);
    put("/proc/self/cgroup", "4:cpuacct:/a/b\n");
    assert_int_equal(cpu_quota(root), INT_MAX);
}

static void odd_numbers_limit_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "0 100000", "-5 100000", "100000 0", "100000 -1", "100000", "many 5", "9223372036854775807 1"};
    put("/proc/self/cgroup", "0::/a");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put("/sys/fs/cgroup/a/cpu.max", texts[i]);
        assert_int_equal(cpu_quota(root), INT_MAX);
    }
}

#define IN_A_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, drop_root)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_ROOT(without_cgroups_nothing_is_limited),
        IN_A_ROOT(the_least_of_the_way_up_counts),
        IN_A_ROOT(of_the_root_itself),
        IN_A_ROOT(version_1_has_two_files),
        IN_A_ROOT(odd_numbers_limit_nothing),
    };
    return cmocka_run_group_tests_name("cpu_quota", tests, NULL, NULL);
}
