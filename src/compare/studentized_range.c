#include "compare/studentized_range.h"

#include <math.h>
#include <stdbool.h>

static const double NEGLIGIBLE = 1e-15;

static double normal_density(double z) {
    return exp(-z * z / 2) / sqrt(2 * M_PI);
}

static double normal_below(double z) {
    return erfc(-z / M_SQRT2) / 2;
}

// Both integrals below are sums over equal steps: the integrands are smooth and vanish at both ends, where such sums converge
// faster than any rule of fixed order.

// The probability that the range of `groups` standard normal values is at most w.
static double range_below(double w, int groups) {
    static const double END = 8, STEP = 0.2;
    double sum = 0;
    for (double z = -END; z <= END; z += STEP)
        sum += normal_density(z) * pow(normal_below(z) - normal_below(z - w), groups - 1);
    return fmin(groups * STEP * sum, 1);
}

// The density of ln s, where s² is a χ² with that many degrees of freedom, divided by them.
static double log_deviation_density(double x, double freedom) {
    int sign;
    double half = freedom / 2;
    return 2 * exp(half * log(half) - lgamma_r(half, &sign) + freedom * x - half * exp(2 * x));
}

// The part of the integral over x = ln s that begins at `from` and goes on in steps until nothing more comes.
static double one_side(double q, int groups, double freedom, double from, double step) {
    double sum = 0, peak = 0;
    for (double x = from;; x += step) {
        double density = log_deviation_density(x, freedom), term = density * range_below(q * exp(x), groups);
        sum += term;
        peak = fmax(peak, density);
        if (density < peak && term < NEGLIGIBLE) return sum;
    }
}

static double studentized_below(double q, int groups, double freedom) {
    double step = fmin(0.1, 0.5 / sqrt(2 * freedom)); // half a standard deviation of ln s
    return step * (one_side(q, groups, freedom, 0, step) + one_side(q, groups, freedom, -step, -step));
}

// Doubles q until the probability lies between; then false position, with the Illinois rule against its slow side.
static double find_quantile(double probability, int groups, double freedom) {
    double low = 0, high = 4, below = -probability, above;
    while ((above = studentized_below(high, groups, freedom) - probability) < 0 && high < 1e12)
        low = high, below = above, high *= 2;
    for (int i = 0; i < 100 && high - low > 1e-10 * high; i++) {
        double q = (low * above - high * below) / (above - below);
        double there = studentized_below(q, groups, freedom) - probability;
        if (fabs(there) < 1e-13) return q;
        if (there < 0)
            low = q, below = there, above /= 2;
        else
            high = q, above = there, below /= 2;
    }
    return (low + high) / 2;
}

// A comparison asks for few quantiles, but for each of them often, and one takes milliseconds.
typedef struct known_quantile {
    double probability, freedom, quantile;
    int groups;
} known_quantile;
enum { KNOWN_QUANTILES = 32 };
static _Thread_local known_quantile known[KNOWN_QUANTILES]; // groups 0: empty
static _Thread_local int next_known;

double studentized_range_quantile(double probability, int groups, double freedom) {
    for (int i = 0; i < KNOWN_QUANTILES; i++)
        if (known[i].groups == groups && known[i].freedom == freedom && known[i].probability == probability)
            return known[i].quantile;
    double quantile = find_quantile(probability, groups, freedom);
    known[next_known] = (known_quantile){probability, freedom, quantile, groups};
    next_known = (next_known + 1) % KNOWN_QUANTILES;
    return quantile;
}

double student_quantile(double probability, double freedom) {
    return studentized_range_quantile(2 * probability - 1, 2, freedom) / M_SQRT2;
}
