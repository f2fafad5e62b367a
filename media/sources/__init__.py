"""What a splitter reads: which source, what it is asked for, and the steps in which every engine answers."""
