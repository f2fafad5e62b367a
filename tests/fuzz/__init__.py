"""Fuzzing of what comes from outside: image files, and messages from a wire.

python -m tests.fuzz --minutes 10 --seed 1      from the root of the project
python -m tests.fuzz --replay FILE              an input that killed, as it was saved
"""
