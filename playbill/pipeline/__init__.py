"""What runs a stage: reads params and inputs, calls its function, writes its outputs."""
