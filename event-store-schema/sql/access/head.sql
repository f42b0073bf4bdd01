SELECT audit.head()
