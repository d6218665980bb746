namespace kwire {}
