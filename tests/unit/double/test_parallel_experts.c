// The same in double precision, where gradients agree to more digits.
#include "model/test_parallel_experts.c"
