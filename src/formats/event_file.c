#include "formats/event_file.h"

#include "formats/crc32c.h"
#include "system/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---------------------------------------------------------------- protocol buffers

// Numbers of fields, as tensorflow/core/util/event.proto and framework/summary.proto have them.
enum {
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_SUMMARY = 5,
    EVENT_SESSION_LOG = 7
};
enum { SESSION_LOG_STATUS = 1, SESSION_START = 1 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SCALAR = 2, VALUE_HISTOGRAM = 5 };
enum {
    HISTOGRAM_MIN = 1,
    HISTOGRAM_MAX = 2,
    HISTOGRAM_COUNT = 3,
    HISTOGRAM_SUM = 4,
    HISTOGRAM_SQUARES = 5,
    HISTOGRAM_LIMITS = 6,
    HISTOGRAM_BUCKETS = 7
};
enum wire { WIRE_VARINT = 0, WIRE_8_BYTES = 1, WIRE_BYTES = 2, WIRE_4_BYTES = 5 };

static void put(event_bytes *b, const void *bytes, size_t size) {
    if (b->failed) return;
    if (b->size + size > b->room) {
        size_t room = 2 * (b->size + size);
        unsigned char *larger = realloc(b->bytes, room);
        b->failed = !larger;
        if (!larger) return;
        b->bytes = larger;
        b->room = room;
    }
    memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void put_little_endian(event_bytes *b, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) put(b, &(unsigned char){(unsigned char)(value >> (8 * i))}, 1);
}

static void put_varint(event_bytes *b, uint64_t value) {
    for (; value >= 0x80; value >>= 7) put(b, &(unsigned char){(unsigned char)(0x80 | (value & 0x7f))}, 1);
    put(b, &(unsigned char){(unsigned char)value}, 1);
}

static void put_key(event_bytes *b, int field, enum wire type) {
    put_varint(b, (uint64_t)field << 3 | type);
}

static void put_integer(event_bytes *b, int field, int64_t value) {
    put_key(b, field, WIRE_VARINT);
    put_varint(b, (uint64_t)value);
}

static void put_double_bits(event_bytes *b, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_little_endian(b, bits, 8);
}

static void put_double(event_bytes *b, int field, double value) {
    put_key(b, field, WIRE_8_BYTES);
    put_double_bits(b, value);
}

static void put_float(event_bytes *b, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(b, field, WIRE_4_BYTES);
    put_little_endian(b, bits, 4);
}

static void put_bytes(event_bytes *b, int field, const void *bytes, size_t size) {
    put_key(b, field, WIRE_BYTES);
    put_varint(b, size);
    put(b, bytes, size);
}

static void put_message(event_bytes *b, int field, const event_bytes *message) {
    put_bytes(b, field, message->bytes, message->size);
    b->failed |= message->failed;
}

static void clear(event_bytes *b) {
    b->size = 0;
    b->failed = false;
}

// ---------------------------------------------------------------- records

static void put_checksum(event_bytes *b, const void *bytes, size_t size) {
    static const uint32_t MASK = 0xa282ead8; // so that checksums of checksums are sound
    uint32_t crc = crc32c(bytes, size);
    put_little_endian(b, (uint32_t)((crc >> 15 | crc << 17) + MASK), 4);
}

static sigmoe_status write_record(event_file *f) {
    event_bytes *record = &f->value; // which is in the event by now
    clear(record);
    put_little_endian(record, f->event.size, 8);
    if (!record->failed) put_checksum(record, record->bytes, 8);
    put(record, f->event.bytes, f->event.size);
    put_checksum(record, f->event.bytes, f->event.size);
    if (record->failed || f->event.failed)
        return fail(SIGMOE_NO_MEMORY, "no memory for an event of %s", f->path);
    if (fwrite(record->bytes, 1, record->size, f->stream) == record->size && fflush(f->stream) == 0)
        return SIGMOE_OK;
    return fail_errno("cannot write %s; earlier checkpoints are whole", f->path);
}

static void begin_record(event_file *f, const struct timespec *now) {
    clear(&f->event);
    put_double(&f->event, EVENT_WALL_TIME, (double)now->tv_sec + 1e-9 * (double)now->tv_nsec);
}

static struct timespec now(void) {
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

// ---------------------------------------------------------------- files

// Readers take a directory's files in the order of their names, which begin with the time. One that begins within the same second
// as the last counts as a second later.
static sigmoe_status choose_path(event_file *f, const char *directory, int64_t seconds) {
    for (;; seconds++) {
        TRY(path_format(f->path, "%s/events.out.tfevents.%010" PRId64 ".sigmoe", directory, seconds));
        if (!path_exists(f->path)) return SIGMOE_OK;
    }
}

static sigmoe_status write_beginning(event_file *f, int64_t first_step) {
    static const char version[] = "brain.Event:2";
    const struct timespec t = now();
    begin_record(f, &t);
    put_bytes(&f->event, EVENT_FILE_VERSION, version, sizeof version - 1);
    TRY(write_record(f));
    clear(&f->value);
    put_integer(&f->value, SESSION_LOG_STATUS, SESSION_START);
    begin_record(f, &t);
    put_integer(&f->event, EVENT_STEP, first_step);
    put_message(&f->event, EVENT_SESSION_LOG, &f->value);
    return write_record(f);
}

sigmoe_status event_file_open(event_file *f, const char *directory, int64_t first_step) {
    *f = (event_file){0};
    TRY(choose_path(f, directory, (int64_t)now().tv_sec));
    TRY(file_append(f->path, &f->stream));
    sigmoe_status status = write_beginning(f, first_step);
    if (status != SIGMOE_OK) event_file_close(f);
    return status;
}

void event_file_close(event_file *f) {
    if (f->stream) fclose(f->stream);
    free(f->event.bytes);
    free(f->summary.bytes);
    free(f->value.bytes);
    *f = (event_file){0};
}

// ---------------------------------------------------------------- values

void event_begin(event_file *f, int64_t step) {
    f->step = step;
    clear(&f->summary);
}

static void begin_value(event_file *f, const char *tag) {
    clear(&f->value);
    put_bytes(&f->value, VALUE_TAG, tag, strlen(tag));
}

void event_scalar(event_file *f, const char *tag, double value) {
    begin_value(f, tag);
    put_float(&f->value, VALUE_SCALAR, (float)value);
    put_message(&f->summary, SUMMARY_VALUE, &f->value);
}

static void put_doubles(event_bytes *b, int field, const double *values, double first, int64_t count) {
    put_key(b, field, WIRE_BYTES);
    put_varint(b, (uint64_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) put_double_bits(b, values ? values[i] : first + (double)i);
}

void event_histogram(event_file *f, const char *tag, const double *buckets, int64_t count) {
    event_bytes histogram = {0};
    double all = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        all += buckets[i];
        sum += (double)i * buckets[i];
        squares += (double)i * (double)i * buckets[i];
    }
    put_double(&histogram, HISTOGRAM_MIN, -0.5);
    put_double(&histogram, HISTOGRAM_MAX, (double)count - 0.5);
    put_double(&histogram, HISTOGRAM_COUNT, all);
    put_double(&histogram, HISTOGRAM_SUM, sum);
    put_double(&histogram, HISTOGRAM_SQUARES, squares);
    put_doubles(&histogram, HISTOGRAM_LIMITS, NULL, 0.5, count);
    put_doubles(&histogram, HISTOGRAM_BUCKETS, buckets, 0, count);
    begin_value(f, tag);
    put_message(&f->value, VALUE_HISTOGRAM, &histogram);
    put_message(&f->summary, SUMMARY_VALUE, &f->value);
    free(histogram.bytes);
}

sigmoe_status event_end(event_file *f) {
    const struct timespec t = now();
    begin_record(f, &t);
    put_integer(&f->event, EVENT_STEP, f->step);
    put_message(&f->event, EVENT_SUMMARY, &f->summary);
    return write_record(f);
}
