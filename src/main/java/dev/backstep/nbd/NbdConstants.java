package dev.backstep.nbd;

/** Numbers of the NBD protocol, from its {@code doc/proto.md}. All integers are big endian. */
final class NbdConstants {

  // handshake ("Fixed newstyle negotiation")
  static final long SERVER_MAGIC = 0x4e42444d41474943L;
  static final long OPTION_MAGIC = 0x49484156454f5054L;
  static final long OLDSTYLE_MAGIC = 0x00420281861253L;
  static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;
  static final int FLAG_FIXED_NEWSTYLE = 1;
  static final int FLAG_NO_ZEROES = 2;

  // options
  static final int OPT_EXPORT_NAME = 1;
  static final int OPT_ABORT = 2;
  static final int OPT_LIST = 3;
  static final int OPT_INFO = 6;
  static final int OPT_GO = 7;
  static final int OPT_STRUCTURED_REPLY = 8;
  static final int OPT_LIST_META_CONTEXT = 9;
  static final int OPT_SET_META_CONTEXT = 10;

  // option replies
  static final int REP_ACK = 1;
  static final int REP_SERVER = 2;
  static final int REP_INFO = 3;
  static final int REP_META_CONTEXT = 4;
  static final int REP_ERROR = 1 << 31;
  static final int REP_ERR_UNSUP = REP_ERROR + 1;
  static final int REP_ERR_POLICY = REP_ERROR + 2;
  static final int REP_ERR_INVALID = REP_ERROR + 3;
  static final int REP_ERR_PLATFORM = REP_ERROR + 4;
  static final int REP_ERR_TLS_REQD = REP_ERROR + 5;
  static final int REP_ERR_UNKNOWN = REP_ERROR + 6;
  static final int REP_ERR_SHUTDOWN = REP_ERROR + 7;
  static final int REP_ERR_BLOCK_SIZE_REQD = REP_ERROR + 8;
  static final int REP_ERR_TOO_BIG = REP_ERROR + 9;

  static final int INFO_EXPORT = 0;
  static final int INFO_BLOCK_SIZE = 3;

  /** Largest option reply that we take: a meta context's name and some air. */
  static final int OPTION_REPLY_BYTES_MAX = 64 << 10;

  /** Most contexts and other replies to one option, so that a server cannot keep us forever. */
  static final int OPTION_REPLIES_MAX = 10_000;

  // transmission
  static final int REQUEST_MAGIC = 0x25609513;
  static final int SIMPLE_REPLY_MAGIC = 0x67446698;
  static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;
  static final int TRANSMISSION_HAS_FLAGS = 1;
  static final int TRANSMISSION_READ_ONLY = 1 << 1;
  static final int TRANSMISSION_FLUSH = 1 << 2;
  static final int TRANSMISSION_FUA = 1 << 3;
  static final int TRANSMISSION_TRIM = 1 << 5;
  static final int TRANSMISSION_WRITE_ZEROES = 1 << 6;
  static final int TRANSMISSION_DF = 1 << 7;
  static final int TRANSMISSION_MULTI_CONN = 1 << 8;
  static final int TRANSMISSION_CACHE = 1 << 10;
  static final int CMD_READ = 0;
  static final int CMD_WRITE = 1;
  static final int CMD_DISC = 2;
  static final int CMD_FLUSH = 3;
  static final int CMD_TRIM = 4;
  static final int CMD_CACHE = 5;
  static final int CMD_WRITE_ZEROES = 6;
  static final int CMD_BLOCK_STATUS = 7;

  static final int CMD_FLAG_FUA = 1;
  static final int CMD_FLAG_NO_HOLE = 1 << 1;
  static final int CMD_FLAG_DF = 1 << 2;
  static final int CMD_FLAG_REQ_ONE = 1 << 3;

  // errors
  static final int EPERM = 1;
  static final int EIO = 5;
  static final int EINVAL = 22;
  static final int ENOSPC = 28;

  // "base:allocation"
  static final int STATE_HOLE = 1;
  static final int STATE_ZERO = 2;

  // structured reply chunks
  static final int CHUNK_DONE = 1;
  static final int CHUNK_NONE = 0;
  static final int CHUNK_OFFSET_DATA = 1;
  static final int CHUNK_OFFSET_HOLE = 2;
  static final int CHUNK_BLOCK_STATUS = 5;
  static final int CHUNK_ERROR_BIT = 1 << 15;
  static final int CHUNK_ERROR = CHUNK_ERROR_BIT + 1;
  static final int CHUNK_ERROR_OFFSET = CHUNK_ERROR_BIT + 2;

  /** Payload that a server must take without telling a maximum. */
  static final int PAYLOAD_BYTES_DEFAULT = 32 << 20;

  /** Longest chunk other than data: a long list of extents, or an error's text. */
  static final int CHUNK_BYTES_MAX = 16 << 20;

  private NbdConstants() {}
}
