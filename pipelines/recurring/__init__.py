"""What recurs, found anew each night in all of the books."""
