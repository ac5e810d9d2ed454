/*
 * output_mail.c: a list under a mutex, and a descriptor to sleep on.
 */
#include "player/gst/output_mail.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int output_mail_init(struct output_mail *mail)
{
    *mail = (struct output_mail){.quit = {.kind = COMMAND_QUIT}};
    mail->last = &mail->first;
    mail->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mail->wake < 0) {
        return ERROR_SYSTEM;
    }
    pthread_mutex_init(&mail->mutex, NULL);
    return 0;
}

void output_mail_deinit(struct output_mail *mail)
{
    assert(mail->first == NULL);
    pthread_mutex_destroy(&mail->mutex);
    close(mail->wake);
}

void output_mail_wake(void *context)
{
    const struct output_mail *mail = context;
    uint64_t one = 1;
    ssize_t done = write(mail->wake, &one, sizeof one);
    assert(done == sizeof one || errno == EAGAIN);
    (void)done;
}

static void post(struct output_mail *mail, struct command *command)
{
    pthread_mutex_lock(&mail->mutex);
    *mail->last = command;
    mail->last = &command->next;
    pthread_mutex_unlock(&mail->mutex);
    output_mail_wake(mail);
}

int output_mail_post(struct output_mail *mail, const struct command *command)
{
    struct command *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return ERROR_NO_MEMORY;
    }
    *copy = *command;
    copy->next = NULL;
    post(mail, copy);
    return 0;
}

void output_mail_post_quit(struct output_mail *mail)
{
    post(mail, &mail->quit);
}

struct command *output_mail_take(struct output_mail *mail)
{
    pthread_mutex_lock(&mail->mutex);
    struct command *command = mail->first;
    mail->first = NULL;
    mail->last = &mail->first;
    pthread_mutex_unlock(&mail->mutex);
    return command;
}

void output_mail_done(struct output_mail *mail, struct command *command)
{
    if (command != &mail->quit) {
        free(command);
    }
}

bool output_mail_is_empty(struct output_mail *mail)
{
    pthread_mutex_lock(&mail->mutex);
    bool is_empty = mail->first == NULL;
    pthread_mutex_unlock(&mail->mutex);
    return is_empty;
}

void output_mail_woken(struct output_mail *mail)
{
    uint64_t count;
    ssize_t done = read(mail->wake, &count, sizeof count);
    (void)done; /* it only empties the counter */
}
