#include "system/scratch.h"

#include "data/batch_stream.h"

#include <unistd.h>

enum { MOST = 64 };

// A split whose token i is i, so that a token tells where it came from.
static token_split *counting_split(int64_t count) {
    token_writer *w;
    token_split *split;
    assert_int_equal(token_writer_open(scratch, "train", MOST, 7, &w), SIGMOE_OK); // over several shards
    for (int32_t i = 0; i < count; i++) assert_int_equal(token_writer_add(w, &i, 1), SIGMOE_OK);
    assert_int_equal(token_writer_commit(w), SIGMOE_OK);
    assert_int_equal(token_split_open(scratch, "train", MOST, NULL, &split), SIGMOE_OK);
    return split;
}

static void remove_shards(void) {
    assert_int_equal(directory_remove(scratch), SIGMOE_OK);
    assert_int_equal(directory_make(scratch), SIGMOE_OK);
}

// The batches, stated plainly: for each epoch and step, stream b starts at b * len.
static void assert_batches(
    const token_split *split, int64_t batch, int64_t unroll, bool keep_rest, int64_t limit) {
    int64_t n = token_split_count(split);
    if (limit > 0 && limit + 1 < n) n = limit + 1;
    int64_t len = (n - 1) / batch;
    batch_stream s;
    sigmoe_status status = batch_stream_open(&s, split, batch, unroll, keep_rest, limit);
    if (len < (keep_rest ? 1 : unroll)) {
        assert_int_equal(status, SIGMOE_BAD_ARGUMENT);
        return;
    }
    assert_int_equal(status, SIGMOE_OK);
    int32_t inputs[MOST * 2], targets[MOST * 2];
    int64_t length;
    bool new_epoch;
    for (int epoch = 0; epoch < (keep_rest ? 1 : 3); epoch++) {
        int64_t steps = 0;
        for (int64_t t = 0; keep_rest ? t < len : t + unroll <= len; t += unroll, steps++) {
            int64_t expected = t + unroll <= len ? unroll : len - t;
            assert_int_equal(batch_stream_next(&s, inputs, targets, &length, &new_epoch), SIGMOE_OK);
            assert_int_equal(length, expected);
            assert_int_equal(new_epoch, t == 0);
            assert_int_equal(s.epoch, epoch);
            assert_int_equal(s.position, t + expected);
            for (int64_t b = 0; b < batch; b++) {
                for (int64_t i = 0; i < length; i++) {
                    assert_int_equal(inputs[b * length + i], b * len + t + i);
                    assert_int_equal(targets[b * length + i], b * len + t + i + 1);
                }
            }
        }
        assert_int_equal(batch_stream_steps_per_epoch(&s), steps);
    }
    if (!keep_rest) return;
    for (int i = 0; i < 2; i++) { // the end stays the end
        assert_int_equal(batch_stream_next(&s, inputs, targets, &length, &new_epoch), SIGMOE_OK);
        assert_int_equal(length, 0);
    }
}

static void all_shapes(void **state) {
    (void)state;
    for (int64_t count = 1; count <= 26; count++) {
        token_split *split = counting_split(count);
        for (int64_t batch = 1; batch <= 5; batch++)
            for (int64_t unroll = 1; unroll <= 9; unroll++)
                for (int64_t limit = 0; limit <= 12; limit += 4) {
                    assert_batches(split, batch, unroll, false, limit);
                    assert_batches(split, batch, unroll, true, limit);
                }
        token_split_close(split);
        remove_shards();
    }
}

// Setting the cursor as a resumed training does gives what an uninterrupted one would get, over the epoch's border too.
static void resuming(void **state) {
    (void)state;
    token_split *split = counting_split(24);
    batch_stream whole, resumed;
    assert_int_equal(batch_stream_open(&whole, split, 2, 3, false, 0), SIGMOE_OK);
    for (int step = 0; step < 10; step++) {
        int32_t inputs[2][6], targets[2][6];
        int64_t length[2];
        bool new_epoch[2];
        assert_int_equal(batch_stream_open(&resumed, split, 2, 3, false, 0), SIGMOE_OK);
        resumed.position = whole.position;
        resumed.epoch = whole.epoch;
        assert_int_equal(
            batch_stream_next(&whole, inputs[0], targets[0], &length[0], &new_epoch[0]), SIGMOE_OK);
        assert_int_equal(
            batch_stream_next(&resumed, inputs[1], targets[1], &length[1], &new_epoch[1]), SIGMOE_OK);
        assert_memory_equal(inputs[0], inputs[1], sizeof inputs[0]);
        assert_memory_equal(targets[0], targets[1], sizeof targets[0]);
        assert_true(length[0] == length[1] && new_epoch[0] == new_epoch[1]);
        assert_true(whole.epoch == resumed.epoch && whole.position == resumed.position);
    }
    assert_int_equal(whole.epoch, 3); // 11 tokens a stream: 3 steps an epoch
    token_split_close(split);
    remove_shards();
}

// A batch that cannot be read is none: the cursor stays where it was.
static void tokens_that_are_lost(void **state) {
    (void)state;
    token_split *split = counting_split(24);
    batch_stream s;
    int32_t inputs[6], targets[6];
    int64_t length;
    bool new_epoch;
    assert_int_equal(batch_stream_open(&s, split, 2, 3, false, 0), SIGMOE_OK);
    assert_int_equal(batch_stream_next(&s, inputs, targets, &length, &new_epoch), SIGMOE_OK);
    assert_int_equal(truncate(at("train_000002.bin"), 1024), 0);
    assert_int_equal(batch_stream_next(&s, inputs, targets, &length, &new_epoch), SIGMOE_BAD_FORMAT);
    assert_message_has("train_000002.bin");
    assert_int_equal(s.position, 3);
    s.position = 9; // the epoch's end
    assert_int_equal(truncate(at("train_000000.bin"), 1024), 0);
    assert_int_equal(batch_stream_next(&s, inputs, targets, &length, &new_epoch), SIGMOE_BAD_FORMAT);
    assert_true(s.position == 9 && s.epoch == 0);
    token_split_close(split);
    remove_shards();
}

static void senseless_requests(void **state) {
    (void)state;
    token_split *split = counting_split(10);
    batch_stream s;
    assert_int_equal(batch_stream_open(&s, split, 0, 3, false, 0), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(batch_stream_open(&s, split, 2, 0, false, 0), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(batch_stream_open(&s, split, -1, 3, true, 0), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(batch_stream_open(&s, split, 2, 5, false, 0), SIGMOE_BAD_ARGUMENT);
    assert_message_has("10 tokens in 2 streams give 4 a stream, fewer than 5");
    assert_int_equal(batch_stream_open(&s, split, INT64_MAX, 1, true, 0), SIGMOE_BAD_ARGUMENT);
    assert_int_equal(batch_stream_open(&s, split, 1, 1, true, INT64_MAX), SIGMOE_OK);
    assert_int_equal(s.length, 9);
    token_split_close(split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shapes),
        cmocka_unit_test(resuming),
        cmocka_unit_test(tokens_that_are_lost),
        cmocka_unit_test(senseless_requests),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
