/*
 * model.h: what a listener sees, as data: the track that plays, its chunks, the lists, what is typed.
 *
 * Pure: fed with the front's events and answers (JSON objects, docs/CLI.md "The control socket") and the
 * time; asks through a function. Whatever the objects hold, nothing breaks: fields that are missing or of
 * another type are not shown. What it looks like is view.h's, what keys do is act.h's.
 */
#ifndef PLAYER_TUI_MODEL_H
#define PLAYER_TUI_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_CHUNKS_MAX 65536u
#define MODEL_ROWS_MAX 100000u
#define MODEL_PAGE_ROWS 400 /* asked for at once */
#define MODEL_SEARCH_ROWS 40
#define MODEL_TEXT_BYTES 256u
#define MODEL_MESSAGE_BYTES 400u
#define MODEL_MESSAGE_US UINT64_C(6000000)
#define MODEL_DEPTH_MAX 3u
/* A cursor that rests so long names heads to the engine. */
#define MODEL_REST_US UINT64_C(200000)

enum model_source { MODEL_MISSING, MODEL_CACHE, MODEL_PEERS, MODEL_ORIGIN, MODEL_SOURCES };
enum model_state { MODEL_STOPPED, MODEL_OPENING, MODEL_PLAYING, MODEL_WAITING, MODEL_PAUSED };

/* What fills the lower part. */
enum model_view {
    MODEL_VIEW_QUEUE,
    MODEL_VIEW_LIBRARY,
    MODEL_VIEW_PLAYLISTS,
    MODEL_VIEW_PEERS,
    MODEL_VIEW_SEARCH,
    MODEL_VIEWS
};

enum model_page_kind {
    MODEL_PAGE_QUEUE,
    MODEL_PAGE_ARTISTS,
    MODEL_PAGE_ARTIST, /* its albums */
    MODEL_PAGE_ALBUM,
    MODEL_PAGE_PLAYLISTS,
    MODEL_PAGE_PLAYLIST,
    MODEL_PAGE_LIKES,
    MODEL_PAGE_PEERS,
    MODEL_PAGE_SEARCH,
};

/* A list. Rows are objects as they came, with "kind" added: track, album, artist, playlist, likes, peer,
 * heading ("text"; the cursor passes over it). */
struct model_page {
    enum model_page_kind kind;
    char *key;        /* artist's name, album's id, playlist's name; NULL; owned */
    char *title;      /* shown over it; NULL; owned */
    json_t *rows;     /* array, owned; never NULL */
    size_t cursor;    /* a row that is not a heading, if there is one */
    size_t top;       /* first row that is seen; view.h keeps the cursor in sight */
    uint64_t total;   /* rows that there are; as many as have come, or more */
    uint32_t serial;  /* of the question that is under way; answers to others are stale */
    size_t asked_row; /* the first row that the question is about */
    bool is_loading, has_failed;
    bool to_bottom; /* the cursor goes to the last row when all have come */
    char error[MODEL_TEXT_BYTES];
};

struct model_stack {
    struct model_page pages[MODEL_DEPTH_MAX];
    unsigned depth; /* pages in use, from 1 */
};

/* What plays. Texts are owned, never NULL. */
struct model_playing {
    char *track, *title, *artist, *album, *format, *cover;
    enum model_state state;
    uint64_t position_ms, at_us; /* the position that it had at this time */
    uint64_t duration_ms, buffered_ms, wait_ms, year, entry;
    bool has_wait, liked, pinned;
};

enum model_prompt { MODEL_PROMPT_NONE, MODEL_PROMPT_PLAYLIST };

/* Who gets an answer. */
enum model_question {
    MODEL_ASK_ACTION, /* only its error matters */
    MODEL_ASK_STATUS,
    MODEL_ASK_CHUNKS,
    MODEL_ASK_PAGE,    /* by serial */
    MODEL_ASK_PEERS,   /* the page of peers */
    MODEL_ASK_QUIET,   /* not even its error matters */
    MODEL_ASK_ADD,     /* to a playlist, which may have to be made */
    MODEL_ASK_CHANGED, /* as ACTION; what is shown is asked for again */
};

/* Takes the reference of `request`. May call model_answer before it returns. */
typedef void model_ask(void *context, json_t *request, enum model_question question,
                       uint32_t serial);

struct model {
    model_ask *ask;
    void *context;
    uint64_t now_us; /* of the last call that told it */

    struct model_playing playing;
    uint8_t chunks[MODEL_CHUNKS_MAX];                /* of model_source */
    uint32_t chunk_count;                            /* 0: not known */
    uint64_t down_rate, up_rate;                     /* bytes/s, over the last second or so */
    uint64_t received_bytes, sent_bytes, counted_us; /* of the session, at that time; 0: not yet */
    uint64_t bytes[MODEL_SOURCES];                   /* of the session, where no chunks are known */
    unsigned volume_percent;
    bool has_volume;
    char shuffle[12], repeat[12];
    bool has_modes;
    uint64_t neighbours;
    bool has_peers, origin_up, has_origin;

    struct model_stack stacks[MODEL_VIEWS];
    enum model_view view;
    enum model_view view_before; /* search goes back there */
    uint32_t last_serial;

    char text[MODEL_TEXT_BYTES]; /* searched for */
    bool is_typing;              /* keys go into `text` */
    enum model_prompt prompt;
    char prompt_text[MODEL_TEXT_BYTES]; /* typed at the prompt */
    json_t *prompt_targets;             /* what it is about; owned */
    bool has_help;
    unsigned help_top;

    char message[MODEL_MESSAGE_BYTES];
    bool is_error;
    uint64_t message_until_us;
    int confirming;           /* an action that waits for its key again; -1: none */
    uint64_t cursor_moved_us; /* 0: heads were told */
    unsigned visible_rows;    /* of the list, by the last picture */
    bool is_attached, has_library;
};

/* Nothing plays, the queue is shown. ERROR_NO_MEMORY. */
int model_init(struct model *model, model_ask *ask, void *context);
void model_deinit(struct model *model);
/* Subscribes, and asks for all that is shown. */
void model_start(struct model *model, uint64_t now_us);
/* {"event":NAME,...} */
void model_event(struct model *model, const json_t *event, uint64_t now_us);
void model_answer(struct model *model, enum model_question question, uint32_t serial,
                  const json_t *answer, uint64_t now_us);
/* Once a second or so: rates, peers; tells heads when the cursor rests; forgets old messages. */
void model_tick(struct model *model, uint64_t now_us);
void model_say(struct model *model, const char *text, bool is_error, uint64_t now_us);

/* Where the play head is at this time. */
uint64_t model_position_ms(const struct model *model, uint64_t now_us);
/* How many chunks are from each source. */
void model_count_chunks(const struct model *model, uint32_t ret_counts[MODEL_SOURCES]);

/* The list that is shown. */
struct model_page *model_page(struct model *model);
/* The row under the cursor; borrowed; NULL: none. */
json_t *model_row(struct model *model);
const char *model_kind(const json_t *row);
/* "" when it is missing or no text. */
const char *model_text(const json_t *object, const char *key);
/* 0 when it is missing, negative or no number. */
uint64_t model_number(const json_t *object, const char *key);
/* The track's id, whatever the list calls it. */
const char *model_track_of(const json_t *row);

/* Shows a view; what is in it is asked for if it has not come yet. */
void model_show(struct model *model, enum model_view view);
/* A page over the one that is shown (ARTIST, ALBUM, PLAYLIST, LIKES). */
void model_open(struct model *model, enum model_page_kind kind, const char *key, const char *title);
/* Back to the page below; false: there is none. */
bool model_leave(struct model *model);
/* Asks for the rows of the page that is shown, from the first on. */
void model_reload(struct model *model);
/* Moves the cursor by so many rows, past headings; more rows are asked for near the end. */
void model_move(struct model *model, long rows);
void model_move_to(struct model *model, size_t row);
/* What is searched for has changed: asks. */
void model_search(struct model *model);

#endif
