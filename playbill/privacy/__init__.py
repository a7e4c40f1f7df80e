"""Personal data: what becomes of it, how few people a row may single out, where it was missed."""
