#include "train/tensor_flow.h"

#include "base/clock.h"
#include "distribute/exchange.h"
#include "distribute/summation.h"

#include <string.h>

enum {
    LARGE = 1 << 16, // values of a tensor that travels alone
    PIECE = 1 << 20, // values of a tensor that travel at a time
};

// What travels at a time: a piece of a large tensor, or the small ones among [first, end) together.
typedef struct flow_unit {
    int first, end;
    int64_t piece, pieces; // of each rank's share
    rank_group group;
} flow_unit;

// One of FLOW_ROWS places for a unit under way.
typedef struct flow_place {
    arena *memory;
    sum_part *parts; // [members]
    char *packed;    // small tensors' values, by members
    summation *sum;
    int64_t began;
    timeline_span *spans; // of this step
    int64_t count;
} flow_place;

struct tensor_flow {
    const team *team;
    parameter_list *list;
    arena *memory;
    flow_unit *units; // in the order in which a backward pass is done with them
    int count;
    flow_place places[FLOW_ROWS];
    flow_kind kind;
    int ready, begun, done; // units
    bool waits;             // the backward pass is over
    backward_listener listener;
    flow_costs costs;
};

// ---------------------------------------------------------------- units

static bool is_small(const parameter *p) {
    return p->trainable && p->count < LARGE;
}

static int64_t pieces_of(const parameter *p) {
    return divide_up(p->count, PIECE);
}

static int most_units(const parameter_list *list) {
    int64_t most = 0;
    for (int i = 0; i < parameters_length(list); i++) most += pieces_of(parameters_at(list, i));
    return (int)most;
}

static void add_pieces(tensor_flow *f, int i) {
    const parameter *p = parameters_at(f->list, i);
    int64_t pieces = pieces_of(p);
    for (int64_t piece = 0; piece < pieces; piece++)
        f->units[f->count++] = (flow_unit){i, i + 1, piece, pieces, team_group(f->team, p)};
}

static bool same_group(rank_group a, rank_group b) {
    return a.first == b.first && a.stride == b.stride && a.count == b.count;
}

// Small tensors collect in `open`, which is a unit once they are many, or others are to follow.
typedef struct open_unit {
    flow_unit unit;
    int64_t values;
} open_unit;

static void close_unit(tensor_flow *f, open_unit *open) {
    if (open->values > 0) f->units[f->count++] = open->unit;
    open->values = 0;
}

static void add_small(tensor_flow *f, int i, open_unit *open) {
    const parameter *p = parameters_at(f->list, i);
    rank_group group = team_group(f->team, p);
    if (open->values > 0 && !same_group(group, open->unit.group)) close_unit(f, open);
    if (open->values == 0) open->unit = (flow_unit){.end = i + 1, .pieces = 1, .group = group};
    open->unit.first = i;
    open->values += p->count;
    if (open->values >= LARGE) close_unit(f, open);
}

static sigmoe_status divide_into_units(tensor_flow *f) {
    open_unit open = {0};
    TRY(ARENA_NEW(f->memory, f->units, most_units(f->list)));
    for (int i = parameters_length(f->list) - 1; i >= 0; i--) {
        const parameter *p = parameters_at(f->list, i);
        if (is_small(p))
            add_small(f, i, &open);
        else if (p->trainable)
            add_pieces(f, i);
    }
    close_unit(f, &open);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- a unit's values

static bool has_small(const tensor_flow *f, const flow_unit *u, int i) {
    const parameter *p = parameters_at(f->list, i);
    return is_small(p) && same_group(team_group(f->team, p), u->group);
}

// Whether a tensor's rounded copy goes instead of its values.
static bool goes_rounded(const tensor_flow *f, const parameter *p) {
    return f->kind == FLOW_VALUES && p->master;
}

static char *values_of(const tensor_flow *f, const parameter *p) {
    if (goes_rounded(f, p)) return (char *)p->rounded;
    return (char *)(f->kind == FLOW_GRADIENTS ? p->gradient : p->value);
}

static int64_t width_of(const tensor_flow *f, const parameter *p) {
    return goes_rounded(f, p) ? sizeof *p->rounded : sizeof *p->value;
}

// Gradients are summed as numbers; values are spread as bytes.
static sum_part part_of(const tensor_flow *f, char *from, int64_t bytes) {
    return (sum_part){from, f->kind == FLOW_GRADIENTS ? bytes / (int64_t)sizeof(real) : bytes};
}

// Of each rank's share the piece.
static void lay_out_piece(const tensor_flow *f, const flow_unit *u, flow_place *place) {
    const parameter *p = parameters_at(f->list, u->first);
    int64_t width = width_of(f, p);
    for (int member = 0; member < u->group.count; member++) {
        tensor_range share = team_share_of(f->team, p, member);
        int64_t from = share.count * u->piece / u->pieces, to = share.count * (u->piece + 1) / u->pieces;
        place->parts[member] =
            part_of(f, values_of(f, p) + (share.first + from) * width, (to - from) * width);
    }
}

// Copies a member's shares of small tensors to where `packed` is, or back; how many bytes they are.
static int64_t move_shares(const tensor_flow *f, const flow_unit *u, int member, char *packed, bool back) {
    int64_t at = 0;
    for (int i = u->first; i < u->end; i++) {
        if (!has_small(f, u, i)) continue;
        const parameter *p = parameters_at(f->list, i);
        tensor_range share = team_share_of(f->team, p, member);
        int64_t width = width_of(f, p), bytes = share.count * width;
        char *values = values_of(f, p) + share.first * width;
        if (back)
            memcpy(values, packed + at, (size_t)bytes);
        else
            memcpy(packed + at, values, (size_t)bytes);
        at += bytes;
    }
    return at;
}

static sigmoe_status pack(const tensor_flow *f, const flow_unit *u, flow_place *place) {
    int64_t all = 0;
    for (int i = u->first; i < u->end; i++) {
        const parameter *p = parameters_at(f->list, i);
        if (has_small(f, u, i)) all += p->held.count * width_of(f, p);
    }
    TRY(ARENA_NEW_RAW(place->memory, place->packed, all));
    char *next = place->packed;
    for (int member = 0; member < u->group.count; member++) {
        int64_t bytes = move_shares(f, u, member, next, false);
        place->parts[member] = part_of(f, next, bytes);
        next += bytes;
    }
    return SIGMOE_OK;
}

static void unpack(const tensor_flow *f, const flow_unit *u, const flow_place *place) {
    for (int member = 0; member < u->group.count; member++)
        move_shares(f, u, member, place->parts[member].values, true);
}

// ---------------------------------------------------------------- under way

static flow_place *place_of(tensor_flow *f, int unit) {
    return &f->places[unit % FLOW_ROWS];
}

static sigmoe_status begin_unit(tensor_flow *f) {
    const flow_unit *u = &f->units[f->begun];
    flow_place *place = place_of(f, f->begun);
    bool gradients = f->kind == FLOW_GRADIENTS;
    place->began = nanoseconds_now();
    TRY(ARENA_NEW_RAW(place->memory, place->parts, u->group.count));
    place->packed = NULL;
    if (is_small(parameters_at(f->list, u->first)))
        TRY(pack(f, u, place));
    else
        lay_out_piece(f, u, place);
    const sum_call call = {.group = u->group,
        .parts = place->parts,
        .adds = gradients,
        .spreads = !gradients || f->team->sharing.zero == 0,
        .rounded = gradients && f->team->sharing.wire == SIGMOE_BF16};
    TRY(summation_begin(f->team->link, &call, place->memory, &place->sum));
    f->begun++;
    return SIGMOE_OK;
}

static void note_end(tensor_flow *f, const flow_unit *u, flow_place *place) {
    timeline_span span = {parameters_at(f->list, u->first)->name, place->began, nanoseconds_now()};
    place->spans[place->count++] = span;
    if (f->kind != FLOW_GRADIENTS) return;
    for (int member = 0; member < u->group.count; member++) {
        double values = (double)place->parts[member].count;
        f->costs.values += values;
        f->costs.hidden += f->waits ? 0 : values;
    }
}

static sigmoe_status end_unit(tensor_flow *f) {
    flow_place *place = place_of(f, f->done);
    sigmoe_status status = summation_end(place->sum, SIGMOE_OK);
    if (place->packed) unpack(f, &f->units[f->done], place);
    note_end(f, &f->units[f->done], place);
    arena_release(place->memory, (arena_mark){0});
    f->done++;
    return status;
}

// Of those under way, ends the first ones that are done. *waits_for is a rank that the first one of the others waits for.
static sigmoe_status look_after_begun(tensor_flow *f, int *waits_for) {
    bool turn = true;
    *waits_for = -1;
    for (int i = f->done; i < f->begun; i++) {
        const flow_place *place = place_of(f, i);
        int unit_waits_for;
        TRY(summation_look(place->sum, turn, &unit_waits_for));
        turn = turn && summation_has_added(place->sum);
        if (*waits_for < 0) *waits_for = unit_waits_for;
        if (*waits_for < 0) TRY(end_unit(f));
    }
    return SIGMOE_OK;
}

// Goes on with what is ready, as far as it can.
static sigmoe_status look(void *context, int *waits_for) {
    tensor_flow *f = context;
    int before;
    do {
        before = f->done;
        while (f->begun < f->ready && f->begun - f->done < FLOW_ROWS) TRY(begin_unit(f));
        TRY(look_after_begun(f, waits_for));
    } while (f->done > before && f->begun < f->ready);
    return SIGMOE_OK;
}

static void abandon_all(tensor_flow *f) {
    for (; f->done < f->begun; f->done++) summation_abandon(place_of(f, f->done)->sum);
}

static sigmoe_status reached(void *context, int first) {
    tensor_flow *f = context;
    int waits_for;
    while (f->ready < f->count && f->units[f->ready].first >= first) f->ready++;
    return look(f, &waits_for);
}

// ---------------------------------------------------------------- from outside

static sigmoe_status prepare_place(tensor_flow *f, flow_place *place) {
    int64_t turns = f->count / FLOW_ROWS + 1;
    TRY(ARENA_NEW_RAW(f->memory, place->spans, 2 * turns)); // gradients and values
    return arena_create("tensor on its way", &place->memory);
}

sigmoe_status tensor_flow_create(const team *t, parameter_list *list, tensor_flow **out) {
    tensor_flow *f;
    arena *a;
    *out = NULL;
    if (!t->link) return SIGMOE_OK;
    TRY(ARENA_AROUND("tensors on their way", a, f));
    f->memory = a;
    f->team = t;
    f->list = list;
    f->listener = (backward_listener){f, reached};
    sigmoe_status status = divide_into_units(f);
    for (int i = 0; i < FLOW_ROWS && status == SIGMOE_OK; i++) status = prepare_place(f, &f->places[i]);
    if (status == SIGMOE_OK)
        *out = f;
    else
        tensor_flow_destroy(f);
    return status;
}

void tensor_flow_destroy(tensor_flow *f) {
    if (!f) return;
    abandon_all(f);
    for (int i = 0; i < FLOW_ROWS; i++) arena_destroy(f->places[i].memory);
    arena_destroy(f->memory); // the flow itself lies in it
}

void tensor_flow_begin(tensor_flow *f, flow_kind kind) {
    if (!f) return;
    f->kind = kind;
    f->ready = f->begun = f->done = 0;
    f->waits = false;
    for (int i = 0; i < FLOW_ROWS && kind == FLOW_GRADIENTS; i++) f->places[i].count = 0;
}

const backward_listener *tensor_flow_listener(const tensor_flow *f) {
    return f ? &f->listener : NULL;
}

sigmoe_status tensor_flow_finish(tensor_flow *f) {
    if (!f) return SIGMOE_OK;
    double start = seconds_now();
    f->ready = f->count;
    f->waits = true;
    TRY(exchange_wait(f->team->link, look, f));
    if (f->kind == FLOW_GRADIENTS) f->costs.waited += seconds_now() - start;
    return SIGMOE_OK;
}

flow_costs tensor_flow_costs(const tensor_flow *f) {
    return f ? f->costs : (flow_costs){0};
}

int tensor_flow_trace(const tensor_flow *f, trace_row rows[FLOW_ROWS]) {
    if (!f) return 0;
    for (int i = 0; i < FLOW_ROWS; i++)
        rows[i] = (trace_row){"ranks", f->places[i].spans, f->places[i].count};
    return FLOW_ROWS;
}
