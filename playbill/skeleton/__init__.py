"""What `playbill new` makes: a project that runs at once, to be edited from there."""
