#!/bin/sh
# print_matrix.sh ROWS OPERATIONS: one table of operation x implementation x mask from the rows that the kernels' tests wrote
# (check.h). Fails when a row failed, when there are none, or when an operation of the list OPERATIONS has none.
set -eu
rows=${1:?usage: print_matrix.sh ROWS OPERATIONS}
operations=${2:?usage: print_matrix.sh ROWS OPERATIONS}
[ -s "$rows" ] || {
    echo "$rows: no kernel's test wrote a row of the matrix" >&2
    exit 1
}

# Rows are: kernel OPERATION IMPLEMENTATION MASK OUTCOME.
LC_ALL=C sort "$rows" | awk '
    function print_line(operation, implementation, cells,    text, m) {
        text = sprintf("%-24s %-15s", operation, implementation)
        for (m = 1; m <= masks; m++) text = text sprintf(" %-10s", cells[m])
        sub(/ +$/, "", text)
        print text
    }
    function print_implementation(    m, cells) {
        if (!implementation) return
        for (m = 1; m <= masks; m++) cells[m] = mask[m] in outcome ? outcome[mask[m]] : "-"
        print_line(operation, implementation, cells)
        split("", outcome)
        implementations++
    }
    function complain(text) {
        print text
        wrong = 1
    }
    BEGIN { masks = split("scalar avx2 avx512 avx512bf16 amx", mask) }

    NR == FNR {
        if (split($0, word, /[()]/) > 1 && word[1] == "OPERATION") missing[word[2]]
        next
    }
    FNR == 1 { print_line("operation", "implementation", mask) }
    NF != 5 || $1 != "kernel" || $5 !~ /^(executed|emulated|absent|FAILED)$/ {
        complain("not a row of the matrix: " $0)
        next
    }
    $2 != operation || $3 != implementation {
        print_implementation()
        operations += $2 != operation
        operation = $2
        implementation = $3
    }
    {
        outcome[$4] = $5
        count[$5]++
        delete missing[$2]
    }
    END {
        print_implementation()
        for (name in missing) complain(name ": no test wrote a row of it")
        if (count["FAILED"]) wrong = 1
        printf "%d operations, %d implementations, each under every mask that it is for: ", operations, implementations
        printf "%d executed, %d emulated, %d absent from this processor, %d failed\n", count["executed"],
            count["emulated"], count["absent"], count["FAILED"]
        exit wrong
    }' "$operations" -
