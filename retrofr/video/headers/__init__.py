"""What headers and packets say of a file, before anything of it is decoded."""
