#!/bin/sh
# What train, compare, sweep and eval say before they begin: on stderr, in lines of one form, and true.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE" 0
write_config dense.json "$DENSE" 0

# says LINE: LINE is all of a line of stderr.
says() { grep -qxF -e "$1" stderr || problem "nobody says \"$1\": $(cat stderr)"; }

works train --config moe.json --data data --out run --batch 3 --steps 1500 --warmup 1 --seed 5 --lr 1e-3 --threads 1 \
    --valid-every 0 --checkpoint-every 2h
says 'model    5,275 parameters, 2 layers of width 16'
says '         moe, n_experts 4, expert_size 6, k 2, router sigmoid, regularizer entropy'
says 'data     data, train: 54,000 tokens; bytes, vocabulary 25'
says 'steps    1,500 of 3 x 12 = 36 tokens: 54,000 in all, 1 epoch'
says 'rate     0.001, 1 step of warm-up, then along a cosine'
says 'compute  seed 5, 1 thread, f32'
says 'output   run, a checkpoint every 2 h'
head -n 1 stderr | grep -q '^model ' || problem "something is said before: $(head -n 1 stderr)"
! grep -q '^resume ' stderr || problem "a new run is said to be resumed: $(cat stderr)"

works train --resume --out run --steps 1501 --threads 1
says 'resume   from step 1,500 of 1,501'
says 'change   steps 1500 to 1501'
works train --resume --out run
says 'resume   all 1,501 steps are done'
! grep -q '^\(change\|jump\) ' stderr || problem "nothing has changed: $(cat stderr)"

cadence() { # cadence TEXT WORDS
    works train --config dense.json --data data --out cadence --force --batch 2 --steps 1 --schedule constant --dtype bf16 \
        --checkpoint-every "$1"
    says "output   cadence, a checkpoint $2"
}
cadence 500 'every 500 steps'
cadence 90s 'every 90 s'
cadence 120s 'every 2 min'
cadence 1.5h 'every 90 min'
cadence 1d 'every 1 d'
cadence 1h30m 'every 90 min'
cadence end 'at the end'
says '         dense, d_ff 24'
says 'rate     0.00025, constant'
grep -q '^compute  seed 0, [0-9]* threads*, bf16$' stderr || problem "not how it computes: $(cat stderr)"

compare() { works compare --data data --base ./moe.json --variants dense,sigma-moe,topk --out out --steps 2 --batch 2 --test-tokens 500 "$@"; }
compare --seeds 2
says 'base     ./moe.json, 5,275 parameters, 2 layers of width 16'
says 'rows     3: dense, sigma-moe, topk'
says 'data     data, train: 54,000 tokens; bytes, vocabulary 25'
says 'steps    2 of 2 x 12 = 24 tokens: 48 in all, 0.000889 epochs'
says 'runs     6, seeds 0 to 1: 288 tokens in all'
says 'output   out, a checkpoint every 15 min'
rm -r out/runs/topk-seed1
compare --seeds 2 --resume
says 'runs     6, seeds 0 to 1: 288 tokens in all; 5 done already'

works compare --data data --base moe.json --variants dense,topk:k=3,pkm-relu,s-base-k4,sigma-moe,topk:k=12:norm_compensation=true,switch \
    --out many --steps 0 --seeds 1 --test-tokens 100
says 'rows     7: dense, topk:k=3, pkm-relu, s-base-k4, sigma-moe, topk:k=12:norm_compensation=true and 1 more'
says 'runs     7, seed 0: 0 tokens in all'

works sweep tab3-e8 --data data --out swept --set d_model=8 --set n_layers=1 --set n_heads=1 --set d_head=8 --set unroll=8 --batch 1 \
    --steps 1 --test-tokens 100 --jobs 2 --threads 2 --seeds 2
says 'base     e8-moe, 33,706 parameters, 1 layer of width 8'
says 'rows     2: dense, sigma-moe'
says 'runs     4, seeds 1 to 2: 32 tokens in all'
says 'compute  2 runs at a time, 2 threads, f32'
[ "$(grep -c '^steps ' stderr)" -eq 1 ] || problem "it is said again for each run: $(cat stderr)"

works eval --model run --data data --split valid --batch 1 --json
says 'model    run/checkpoints/00001501, 5,275 parameters, 2 layers of width 16'
says 'data     data, valid: 3,000 tokens; bytes, vocabulary 25'
grep -q '^compute  1 stream, [0-9]* threads*, f32$' stderr || problem "not how it computes: $(cat stderr)"
valid_json stdout

# In a narrow terminal, lines are folded between words, below their beginnings.
cat >narrow.py <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "TERM": "xterm"})
told = b""
try:
    while part := os.read(terminal, 65536):
        told += part
except OSError:  # the child has closed it
    pass
os.waitpid(child, 0)
lines = told.decode().replace("\r\n", "\n").split("\n")
banner = lines[:[line.startswith("output") for line in lines].index(True) + 1]
assert all(len(line) <= 40 for line in banner), banner
assert banner[2:5] == ["         moe, n_experts 4, expert_size", "         6, k 2, router sigmoid,",
    "         regularizer entropy"], banner
PYTHON
python3 narrow.py "$program" train --config moe.json --data data --out narrow --batch 3 --steps 1 || problem "at 40 columns"

# What fails says its one sentence alone.
works train --config moe.json --data data --out there --batch 2 --steps 1
fails 2 'exists already' train --config moe.json --data data --out there --batch 2 --steps 1
[ "$(wc -l <stderr)" -eq 1 ] || problem "more than a sentence: $(cat stderr)"
fails 2 'seed' train --resume --out there --seed 3
[ "$(wc -l <stderr)" -eq 1 ] || problem "more than a sentence: $(cat stderr)"

finish
