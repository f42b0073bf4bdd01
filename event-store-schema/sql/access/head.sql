SELECT audit.head() AS head
