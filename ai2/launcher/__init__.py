"""`ai2 up`: starts the platform's processes in order, watches over them and ends them. It imports none of them."""
