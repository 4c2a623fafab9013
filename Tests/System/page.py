"""page.py PAGE: runs the blocks of shell commands of a page that have the mark `<!-- run -->` before them, in their order.

Where a block of text follows one, the commands must print that, line by line."""
import re
import subprocess
import sys

text = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r"<!-- run -->\n```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", text, re.S)
if not blocks:
    sys.exit(f"{sys.argv[1]} has no block with the mark <!-- run -->")
for commands, expected in blocks:
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0 or expected and run.stdout != expected:
        sys.exit(f"{commands}\nended with {run.returncode} and printed\n{run.stdout}\nand not\n{expected}")
print(len(blocks), "blocks")
