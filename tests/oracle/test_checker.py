"""The checker itself: a program that answers rightly must pass, and every planted fault must be caught."""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

FAKE = '''#!{python}
import json, os, shutil, sys
sys.path.insert(0, {here!r})
import vector_files

fault = os.environ.get("FAKE_FAULT", "")
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
if fault == "crash":
    sys.exit("planted crash")

def spoil(tensors):
    name = sorted(name for name in tensors if name.endswith("attn.q.weight"))[0]
    dtype, shape, values = tensors[name]
    if fault == "value":
        values[-1] += 3e-3
    if fault == "nan":
        values[-1] = float("nan")
    if fault == "infinite":
        values[-1] = float("inf")
    if fault == "shape":
        tensors[name] = (dtype, shape[::-1], values)
    if fault == "missing":
        del tensors[name]
    if fault == "extra":
        tensors["extra"] = ("F32", [1], [0.0])
    if fault == "table":
        tensors["layers.0.ff.router.table"][2][0] ^= 1
    if fault == "unused":
        for name in tensors:
            if name.endswith("ff.experts.up"):
                tensors[name][2][3 * 8 * 3] = 1e-12
    return tensors

if sys.argv[1] == "forward":
    expected = vector_files.read_safetensors(os.path.join(flags["--model"], "expected.safetensors"))
    if fault != "no output":
        vector_files.write_safetensors(flags["--out"], spoil(expected))
    if fault == "truncated":
        with open(flags["--out"], "r+b") as file:
            file.truncate(100)
else:
    run, model = flags["--out"], flags["--init"]
    expected = vector_files.read_safetensors(os.path.join(model, "expected.safetensors"))
    os.makedirs(os.path.join(run, "checkpoints", "000010"))
    os.makedirs(os.path.join(run, "checkpoints", "000020"))
    vector_files.write_safetensors(os.path.join(run, "checkpoints", "000020", "model.safetensors"), spoil(expected))
    with open(os.path.join(model, "expected.json")) as file:
        lines = json.load(file)
    if fault == "loss":
        lines[7]["loss"] += 1e-3
    if fault == "null":
        lines[7]["loss"] = None
    if fault == "norm":
        lines[7]["grad_norm"] *= 1.002
    if fault == "rate":
        lines[7]["lr"] *= 1.0001
    if fault == "short":
        lines.pop()
    if fault == "step":
        lines[3]["step"] = 4
    with open(os.path.join(run, "metrics.jsonl"), "w") as file:
        for line in lines:
            file.write(json.dumps(dict(line, tokens_per_s=1.0)) + "\\n")
'''


class Checker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.program = os.path.join(cls.scratch.name, "sigmoe")
        with open(cls.program, "w") as file:
            file.write(FAKE.format(python=sys.executable, here=HERE))
        os.chmod(cls.program, 0o755)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def check(self, case, fault=""):
        """(exit status, lines of output)"""
        done = subprocess.run([sys.executable, os.path.join(HERE, "check_vectors.py"), self.program, case],
                              stdout=subprocess.PIPE, env=dict(os.environ, FAKE_FAULT=fault))
        return done.returncode, done.stdout.decode().splitlines()

    def assert_caught(self, case, fault, text):
        status, lines = self.check(case, fault)
        self.assertEqual(status, 1, (fault, lines))
        self.assertEqual(lines[-1], "0 passed, 1 failed", fault)
        self.assertIn(case + ": ", lines[0])
        self.assertIn(text, "\n".join(lines), fault)

    def test_right_answers_pass(self):
        self.assertEqual(self.check("forward/dense-training"), (0, ["1 passed, 0 failed"]))
        self.assertEqual(self.check("train/moe-hash"), (0, ["1 passed, 0 failed"]))
        status, lines = self.check("unused-expert")
        self.assertEqual((status, len(lines)), (0, 1))

    def test_a_filter_without_cases_fails(self):
        status, lines = self.check("no such case")
        self.assertEqual((status, lines[-1]), (1, "0 passed, 0 failed"))

    def test_forward_faults_are_caught(self):
        tensor = "grad.layers.0.attn.q.weight"
        for fault, text in (("value", tensor + "[5, 7]: "), ("nan", tensor + "[5, 7]: nan"),
                            ("infinite", tensor + "[5, 7]: inf"), ("shape", tensor + ": F32 [8, 6]"),
                            ("missing", tensor + ": missing"), ("extra", "extra: not expected"),
                            ("crash", "exit status 1: planted crash"), ("no output", "FileNotFoundError"),
                            ("truncated", "ValueError")):
            self.assert_caught("forward/dense-training", fault, text)
        self.assert_caught("forward/moe-softmax-unused-expert", "unused", "must be exactly 0")

    def test_train_faults_are_caught(self):
        for fault, text in (("value", "layers.0.attn.q.weight["), ("nan", "nan"), ("missing", "missing"),
                            ("extra", "extra: not expected"), ("table", "layers.0.ff.router.table[0, 0]"),
                            ("loss", "step 7 loss"), ("null", "step 7 loss: None"), ("norm", "step 7 grad_norm"),
                            ("rate", "step 7 lr"), ("short", "19 lines, expected 20"), ("step", "step 4, expected 3"),
                            ("crash", "exit status 1: planted crash")):
            self.assert_caught("train/moe-hash", fault, text)


class Coverage(unittest.TestCase):
    def check(self, routers):
        """With a program whose help lists these routers."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as file:
            file.write("#!/bin/sh\ncat <<'TEXT'\n"
                       f"  ff.router       [moe] how experts are picked ({routers}; required)\n"
                       "  ff.regularizer  [moe] balance (none|entropy|switch|switch_mean|cv; required)\n"
                       "  ff.init         [pkm] scale (standard|dense_equivalent; standard)\n"
                       "  ff.init         [moe] scale (dense_equivalent|standard|switch; dense_equivalent)\nTEXT\n")
        os.chmod(file.name, 0o755)
        try:
            return subprocess.run([sys.executable, os.path.join(HERE, "check_coverage.py"), file.name],
                                  stdout=subprocess.PIPE)
        finally:
            os.unlink(file.name)

    def test_all_routers_are_covered(self):
        done = self.check("sigmoid|softmax|softmax_topk|sinkhorn|noisy_topk|hash|random")
        self.assertEqual((done.returncode, done.stdout.decode()), (0, "81 covered, 0 missing\n"))

    def test_a_new_router_is_missed(self):
        done = self.check("sigmoid|newcomer")
        self.assertEqual(done.returncode, 1)
        self.assertIn("router newcomer, regularizer cv, init switch", done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
