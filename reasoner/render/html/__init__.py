"""Pages that are files: they load nothing, and their own style and scripts are all that runs in them."""
