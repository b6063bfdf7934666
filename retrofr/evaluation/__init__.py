"""Error rates measured on labelled material: photos of people, or footage with a truth file."""
