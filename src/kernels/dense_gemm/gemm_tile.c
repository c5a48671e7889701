#include "kernels/dense_gemm/gemm_tile.h"

#include "kernels/pointwise/pointwise.h"

void gemm_tile_finish(const gemm_tile *tile) {
    if (!tile->relu && !tile->bias) return;
    const pointwise_kernel *rows = pointwise_chosen();
    for (int64_t i = 0; i < tile->c.rows; i++)
        if (tile->relu)
            rows->bias_relu(matrix_row(tile->c, i), tile->bias, tile->c.cols);
        else
            rows->add(matrix_row(tile->c, i), tile->bias, tile->c.cols);
}
