"""Documents made of a case: the object, and its PDF, HTML, text and JSON. Pure, no database and no clock."""
