"""Many clients of which each costs next to nothing: thousands in one process, on one epoll."""
