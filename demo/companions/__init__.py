"""What no fault of the demo needs, and some panels do: started beside a healthy service."""
