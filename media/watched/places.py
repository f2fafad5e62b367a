"""The folders within a watched folder that are not watched, whatever lies in them."""

TAKEN = ".taken"  # claimed files lie here, under their relative paths, until everything downstream is through with them
DONE = ".done"  # where `then: keep` moves them afterwards
DEAD_LETTERS = "dead-letters"  # where those go that can never be done
