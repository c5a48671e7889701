// Included inside the list of an operation's implementations, right before its .inc: gives FAST and REFERENCE their meaning.
#undef FAST
#undef REFERENCE
#if defined(SIGMOE_REAL_DOUBLE)
#define FAST(symbol)
#else
#define FAST(symbol) &symbol.identity,
#endif
#define REFERENCE(symbol) &symbol.identity,
