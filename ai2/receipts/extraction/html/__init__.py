"""HTML, of mails mostly: what people see of it, and what it says to machines. It is never run; nothing is fetched."""
