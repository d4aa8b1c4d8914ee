"""The pytest layer: the only place that knows pytest. It turns hooks into calls of the stages."""
