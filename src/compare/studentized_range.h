// Tukey's studentized range: how far the means of equal groups lie apart by chance.
#pragma once

// The q for which the range of `groups` (2 or more) independent normal means, divided by an estimate of their standard error
// that has `freedom` (> 0, need not be whole) degrees of freedom, is at most q with `probability` (in 0..1, exclusive). For two
// groups, q/√2 is Student's two-sided quantile. Accurate to about 1e-8.
double studentized_range_quantile(double probability, int groups, double freedom);
// The quantile of Student's t at `probability` in 0.5..1, exclusive.
double student_quantile(double probability, double freedom);
