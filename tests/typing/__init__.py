"""Users of the public interface that only the type checker runs."""
