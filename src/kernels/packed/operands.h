// The packed-product engine shared by expert_ffn, dense_gemm and relative_attention: operands are packed into panels, which
// micro-kernels multiply with their sums in registers. Terms (Goto and van de Geijn 2008):
//   micro-kernel  computes MR x NR sums over a depth, the terms of each sum  micro_kernel_vector.h, micro_kernel_amx.h
//   panel         its input: MR rows of a or NR columns of b, packed         pack.h
//   KR            the multiple that depths are padded to with zeros
// An implementation's file includes a header of operands (what is multiplied), one of micro-kernels (how; attention has its
// own), and then the algorithm, which is written once for all.
//
// A header of operands defines, in addition to the declarations here:
//   operand                      the type of operands in memory
//   word, PER_WORD               what micro-kernels multiply: 32 bits that hold PER_WORD successive terms of a sum
//   operands(matrix)             the elements of a matrix of operands
//   load_operands(p, n)          LANES operands as floats, of which n exist: the others read as 0 and are not stored by
//   store_operands(p, n, x)      the inverse
//   words_along(p, n)            LANES words of successive operands of p, of which n exist
//   words_across(rows, first, count, n)
//                                LANES words, each of one column of PER_WORD rows, from column `first` on; `count` of the rows
//                                and n of these columns exist
//   words_along_computed(x), words_across_computed(x)
//                                the same from PER_WORD vectors of computed elements, which become operands here
//   one_word(p, n), four_words(p)
//                                the word, or four words, starting at p; n operands exist
//   multiply_add(a, b, sum)      sum + a · b in each lane
#pragma once

#include "base/tensor.h"
#include "kernels/packed/row_ends.h"

#include <assert.h>
