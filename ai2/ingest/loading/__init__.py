"""Loading: a batch's lines staged, told from known ones, checked, and put into the books."""
