"""`mixatlas corpus pack | check | push`."""
