package dev.backstep.source.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * What shows that a regular file was not written since: any write moves both times.
 *
 * @param modified nanoseconds since 1970
 * @param changed nanoseconds since 1970, of the inode; nothing can set it back
 */
record FileIdentity(long device, long inode, long size, long modified, long changed) {

  static FileIdentity of(Path path) throws IOException {
    Map<String, Object> all =
        Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime");
    return new FileIdentity(
        number(all, "dev"),
        number(all, "ino"),
        number(all, "size"),
        nanos(all, "lastModifiedTime"),
        nanos(all, "ctime"));
  }

  private static long number(Map<String, Object> all, String name) {
    return ((Number) Objects.requireNonNull(all.get(name))).longValue();
  }

  private static long nanos(Map<String, Object> all, String name) {
    return ((FileTime) Objects.requireNonNull(all.get(name))).to(TimeUnit.NANOSECONDS);
  }
}
