#include "system/scratch.h"
#include "system/file_lock.h"

#include <sys/wait.h>
#include <unistd.h>

// As another process finds it: 1 if the part is free.
static int part_is_free(const char *path, int64_t part) {
    int lock, status;
    pid_t child = fork();
    if (child == 0) {
        bool taken = false;
        bool fine = file_lock_open(path, &lock) == SIGMOE_OK &&
                    file_lock_try_part(lock, part, path, &taken) == SIGMOE_OK;
        _exit(fine ? taken : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void parts_have_their_own_locks(void **state) {
    (void)state;
    const char *path = at("parts");
    int lock;
    bool taken;
    assert_int_equal(file_lock_open(path, &lock), SIGMOE_OK);
    assert_int_equal(file_lock_try_part(lock, 3, path, &taken), SIGMOE_OK);
    assert_true(taken);
    assert_int_equal(part_is_free(path, 3), 0);
    assert_int_equal(part_is_free(path, 2), 1);
    assert_int_equal(part_is_free(path, 4), 1);
    file_lock_release_part(lock, 3);
    assert_int_equal(part_is_free(path, 3), 1);
    assert_int_equal(file_lock_try_part(lock, 0, path, &taken), SIGMOE_OK);
    close(lock);
    assert_int_equal(part_is_free(path, 0), 1);
}

// A pipe's end has no locks: that is no answer to whether somebody else has one.
static void without_locks(void **state) {
    (void)state;
    int ends[2];
    bool taken = true;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(file_lock_try_part(ends[0], 0, "a pipe", &taken), SIGMOE_IO);
    assert_message_has("cannot lock a part of a pipe");
    assert_false(taken);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_have_their_own_locks),
        cmocka_unit_test(without_locks),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
