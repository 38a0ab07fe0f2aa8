"""The demo workspace: an invented bank, its people and its posts, made by the same services as any other."""

from approval.desk.demo.loading import Demo as Demo, load as load
