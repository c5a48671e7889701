#include "train/team.h"

#include "base/observer.h"
#include "config/train_settings.h"
#include "data/dataset_identity.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/sha256.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sigmoe_status gather_numbers(void *context, const double *own, int64_t count, double *all) {
    return communicator_gather(context, own, (size_t)count * sizeof *own, all);
}

sigmoe_status team_sharing_check(const team_sharing *sharing) {
    if (sharing->zero != 0 && sharing->zero != 1)
        return fail(SIGMOE_BAD_ARGUMENT, "`zero` is %lld; it must be 0 or 1", (long long)sharing->zero);
    if (sharing->wire != SIGMOE_F32 && sharing->wire != SIGMOE_BF16)
        return fail(SIGMOE_BAD_ARGUMENT, "`wire` is no type that gradients travel in: choose f32 or bf16");
    return SIGMOE_OK;
}

void team_join(team *t, communicator *link, const team_sharing *sharing, int expert_parts) {
    t->link = link;
    t->sharing = *sharing;
    t->exchange = (batch_exchange){link, communicator_ranks(link), gather_numbers};
    team_experts_join(&t->experts, link, expert_parts);
}

const batch_exchange *team_exchange(const team *t) {
    return t->link ? &t->exchange : NULL;
}

const expert_exchange *team_expert_exchange(const team *t) {
    return t->experts.exchange.parts > 1 ? &t->experts.exchange : NULL;
}

// As a part of a batch whose sums are asked for.
static whole_batch numbers_of(const team *t) {
    return (whole_batch){.exchange = team_exchange(t)};
}

// ---------------------------------------------------------------- who has what

rank_group team_group(const team *t, const parameter *p) {
    return parameter_is_shared(p) ? team_experts_copies(t->link, t->experts.exchange.parts)
                                  : rank_group_all(t->link);
}

tensor_range team_share_of(const team *t, const parameter *p, int member) {
    return tensor_range_part(p->held, member, team_group(t, p).count);
}

tensor_range team_share(const team *t, const parameter *p) {
    rank_group group = team_group(t, p);
    return team_share_of(t, p, rank_group_find(&group, communicator_rank(t->link)));
}

// ---------------------------------------------------------------- what is asked of all

const sigmoe_observer *team_observer(team *t, const sigmoe_observer *own) {
    if (!t->link) return own;
    t->own = own;
    t->agreed = own ? *own : (sigmoe_observer){0};
    t->stop = t->save = 0;
    t->agreed.stop = &t->stop;
    t->agreed.save = &t->save;
    return &t->agreed;
}

typedef struct wishes {
    int stop, saves, checkpoint_due, time_is_up;
} wishes;

static void take_wishes(team *t, const wishes *all) {
    int saves = 0;
    for (int rank = 0; rank < communicator_ranks(t->link); rank++) {
        if (all[rank].stop) t->stop = 1;
        saves += all[rank].saves;
    }
    t->save = saves;
    t->checkpoint_due = all[0].checkpoint_due;
    t->time_is_up = all[0].time_is_up;
}

sigmoe_status team_agree(team *t, bool checkpoint_due, bool time_is_up) {
    t->checkpoint_due = checkpoint_due;
    t->time_is_up = time_is_up;
    if (!t->link) return SIGMOE_OK;
    wishes own = {observer_stops(t->own), observer_saves(t->own), checkpoint_due, time_is_up};
    wishes *all = calloc((size_t)communicator_ranks(t->link), sizeof *all);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory for what ranks ask");
    sigmoe_status status = communicator_gather(t->link, &own, sizeof own, all);
    if (status == SIGMOE_OK) take_wishes(t, all);
    free(all);
    return status;
}

// ---------------------------------------------------------------- that all train the same

// The sums of what must be the same everywhere.
enum { THINGS = 5 };
static const char *const things[THINGS] = {"another version of sigmoe", "another model", "other settings",
    "other data", "another `expert_parallel`"};
typedef struct fingerprint {
    char hex[THINGS][SHA256_HEX];
} fingerprint;

static void take_text(const char *text, char hex[SHA256_HEX]) {
    struct sha256_ctx state;
    sha256_init(&state);
    sha256_update(&state, strlen(text), (const uint8_t *)text);
    sha256_hex(&state, hex);
}

// Takes over `root`.
static sigmoe_status take_json(json_t *root, char hex[SHA256_HEX]) {
    char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(root);
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory to compare what ranks train");
    take_text(text, hex);
    free(text);
    return SIGMOE_OK;
}

static sigmoe_status settings_to_json(
    const sigmoe_train_settings *settings, const team_sharing *sharing, json_t **out) {
    json_t *object = json_object();
    sigmoe_status status = json_write_options(object, train_settings_options(), settings);
    if (status == SIGMOE_OK)
        status =
            json_put(object, "sharing", json_pack("[I,i]", (json_int_t)sharing->zero, (int)sharing->wire));
    return json_hand_out(status, object, out);
}

static sigmoe_status take_fingerprint(const team *t, const sigmoe_config *config,
    const sigmoe_train_settings *settings, const dataset *data, fingerprint *out) {
    json_t *root;
    *out = (fingerprint){0};
    take_text(SIGMOE_VERSION, out->hex[0]);
    snprintf(out->hex[4], SHA256_HEX, "%d", t->experts.exchange.parts);
    TRY(config_to_json(config, &root));
    TRY(take_json(root, out->hex[1]));
    TRY(settings_to_json(settings, &t->sharing, &root));
    TRY(take_json(root, out->hex[2]));
    TRY(dataset_identity(data, &root));
    TRY(take_json(root, out->hex[3]));
    return SIGMOE_OK;
}

static sigmoe_status compare_all(const team *t, const fingerprint *all) {
    for (int rank = 1; rank < communicator_ranks(t->link); rank++)
        for (int i = 0; i < THINGS; i++)
            if (strcmp(all[rank].hex[i], all[0].hex[i]) != 0)
                return fail(SIGMOE_BAD_ARGUMENT,
                    "rank %d on %s has %s than rank 0 on %s: start all of them alike", rank,
                    communicator_host(t->link, rank), things[i], communicator_host(t->link, 0));
    return SIGMOE_OK;
}

sigmoe_status team_compare(
    team *t, const sigmoe_config *config, const sigmoe_train_settings *settings, const dataset *data) {
    fingerprint own;
    if (!t->link) return SIGMOE_OK;
    TRY(take_fingerprint(t, config, settings, data, &own));
    fingerprint *all = calloc((size_t)communicator_ranks(t->link), sizeof *all);
    if (!all) return fail(SIGMOE_NO_MEMORY, "no memory to compare what ranks train");
    sigmoe_status status = communicator_gather(t->link, &own, sizeof own, all);
    if (status == SIGMOE_OK) status = compare_all(t, all);
    free(all);
    return status;
}

// ---------------------------------------------------------------- sums over the whole batch

// Counts travel as doubles, which hold them exactly.
static sigmoe_status sum_counts(const whole_batch *all, int64_t *counts, int64_t count, arena *scratch) {
    double *values;
    TRY(ARENA_NEW_RAW(scratch, values, count));
    for (int64_t i = 0; i < count; i++) values[i] = (double)counts[i];
    TRY(whole_batch_sum(all, values, count, scratch));
    for (int64_t i = 0; i < count; i++) counts[i] = (int64_t)values[i];
    return SIGMOE_OK;
}

static sigmoe_status sum_layer(
    const whole_batch *all, const ff_statistics *s, ff_layer_statistics *layer, arena *scratch) {
    TRY(sum_counts(all, &layer->tokens, 1, scratch));
    TRY(sum_counts(all, layer->fired, s->channels, scratch));
    TRY(whole_batch_sum(all, &layer->active, 1, scratch));
    if (s->experts == 0) return SIGMOE_OK;
    TRY(sum_counts(all, layer->chosen, s->experts, scratch));
    return whole_batch_sum(all, layer->weight, s->experts, scratch);
}

sigmoe_status team_sum_statistics(team *t, ff_statistics *s, arena *scratch) {
    if (!t->link) return SIGMOE_OK;
    const whole_batch all = numbers_of(t);
    arena_mark mark = arena_here(scratch);
    sigmoe_status status = SIGMOE_OK;
    for (int64_t i = 0; i < s->layers && status == SIGMOE_OK; i++)
        status = sum_layer(&all, s, &s->layer[i], scratch);
    arena_release(scratch, mark);
    return status;
}

// What ranks tell each other of a pass.
enum { NATS, PART, LAYER, NUMBERS };

sigmoe_status team_sum_nats(
    team *t, const double *nats, int64_t count, model_place *not_finite, arena *scratch, double *sum) {
    const whole_batch all = numbers_of(t);
    double own[NUMBERS] = {0, not_finite->part, not_finite->layer};
    const double *told;
    int64_t ranks;
    arena_mark mark = arena_here(scratch);
    for (int64_t i = 0; i < count; i++) own[NATS] += nats[i];
    sigmoe_status status = whole_batch_gather(&all, own, NUMBERS, scratch, &ranks, &told);
    *sum = 0;
    for (int64_t rank = ranks - 1; rank >= 0 && status == SIGMOE_OK; rank--) {
        const double *numbers = told + rank * NUMBERS;
        if (numbers[PART] != PART_NONE)
            *not_finite = (model_place){(model_part)numbers[PART], (int)numbers[LAYER]};
    }
    for (int64_t rank = 0; rank < ranks && status == SIGMOE_OK; rank++) *sum += told[rank * NUMBERS];
    arena_release(scratch, mark);
    return status;
}
