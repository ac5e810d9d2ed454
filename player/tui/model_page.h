/*
 * model_page.h: the lists of the model, for model.c.
 */
#ifndef PLAYER_TUI_MODEL_PAGE_H
#define PLAYER_TUI_MODEL_PAGE_H

#include "player/tui/model.h"

/* The first page of each view. ERROR_NO_MEMORY. */
int model_page_init_all(struct model *model);
void model_page_deinit_all(struct model *model);
/* What a stack shows is old: asked for again when it is shown. */
void model_page_forget(struct model_stack *stack);
/* An answer to the question of this serial; nothing happens when the page has gone or asked anew. */
void model_page_answer(struct model *model, uint32_t serial, const json_t *answer);
void model_page_ask_peers(struct model *model);
void model_page_ask_queue(struct model *model);

#endif
