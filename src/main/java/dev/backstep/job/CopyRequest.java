package dev.backstep.job;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * Which restore points go to which other repository.
 *
 * @param target made when absent or empty
 * @param vmNames only theirs; empty for every VM's
 * @param last of each VM only the newest so many
 * @param ids only these backups'; empty for all
 */
public record CopyRequest(
    Path source, Path target, List<String> vmNames, OptionalInt last, List<String> ids) {

  public CopyRequest {
    vmNames = List.copyOf(vmNames);
    ids = List.copyOf(ids);
  }
}
