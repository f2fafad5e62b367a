"""Power loss: a real run, recorded as system calls, and a disk that forgets what these did not sync.

python -m tests.powerloss --cuts 1000 --seed 7      from the root of the project; needs strace
"""
