"""What follows for one shell of a profile before anything flies, a file a subject."""
