// The packed-product engine, which expert_ffn, dense_gemm and relative_attention share: operands are packed into panels, and
// micro-kernels multiply the panels with their sums in registers. Its words are the field's (Goto and van de Geijn 2008):
//   micro-kernel  MR x NR sums over a depth, the terms of each sum           micro_kernel_vector.h, micro_kernel_amx.h
//   panel         what it reads: MR rows of a or NR columns of b, packed     pack.h
//   KR            what depths are padded to with zeros
// An implementation's file includes a header of operands (what is multiplied), one of micro-kernels (how; attention has its
// own), and then the algorithm, which is written once for all.
//
// A header of operands defines, beside what it has from here:
//   operand                      how operands lie in memory
//   word, PER_WORD               what micro-kernels multiply: 32 bits made of PER_WORD successive terms of a sum
//   operands(matrix)             the elements of a matrix of them
//   load_operands(p, n)          LANES operands as floats, of which n exist: the others read as 0, and are not stored by
//   store_operands(p, n, x)      its opposite
//   words_along(p, n)            LANES words of successive operands of p, of which n exist
//   words_across(rows, first, count, n)
//                                LANES words, each of one column of PER_WORD rows, from column `first` on; `count` of the rows
//                                and n of these columns exist
//   words_along_computed(x), words_across_computed(x)
//                                the same of PER_WORD vectors of computed elements, which are operands from here on
//   one_word(p, n), four_words(p)
//                                the word, and four, that begin at p; n operands exist
//   multiply_add(a, b, sum)      sum + a · b in each lane
#pragma once

#include "base/tensor.h"
#include "kernels/packed/row_ends.h"

#include <assert.h>
