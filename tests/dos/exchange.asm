; exchange.asm: two DOS machines exchange 1,000 packets both ways over IPX.
;
;   EXCHANGE A   broadcasts a query until it is answered, then sends 1,000 numbered packets, one at a time
;   EXCHANGE B   answers the query by unicast, then every packet with one that carries B's own number. The
;                query may have come from another network, through a router
;
; Both write one line to RESULT.TXT and end by themselves after 20 s at the latest:
;   OK <sent> <received> retries <n> peer <node>       or       FAIL <reason> <sent> <received> retries <n> peer <node>
; IPX through the entry point that INT 2Fh AX=7A00h gives: BX = function, ES:SI = event control block (ECB).
; Source of functions and ECB: Novell, IPX/SPX Programmer's Reference. Build: nasm -f bin -o EXCHANGE.COM

        bits 16
        cpu 386
        org 100h

SOCKET          equ 5678h
COUNT           equ 1000
LIMIT           equ 364                 ; BIOS ticks for everything: 20 s
QUERY_TICKS     equ 18                  ; a query a second
RETRY_TICKS     equ 36                  ; an answer that takes 2 s is lost
LINGER_TICKS    equ 27                  ; B waits this long for a repetition of the last packet

IPX_OPEN        equ 0
IPX_CLOSE       equ 1
IPX_SEND        equ 3
IPX_LISTEN      equ 4
IPX_ADDRESS     equ 9
IPX_RELINQUISH  equ 0Ah

ECB_IN_USE      equ 8
ECB_SOCKET      equ 10
ECB_IMMEDIATE   equ 28
ECB_BUFFER      equ 36
ECB_SEGMENT     equ 38
ECB_LENGTH      equ 40

DESTINATION     equ 6                   ; offsets in a packet: network 4, node 6, socket 2
SOURCE          equ 18
SOURCE_NODE     equ 22
MAGIC           equ 30
KIND            equ 34
NUMBER          equ 36
ANSWERED        equ 38
FILLING         equ 40                  ; the sender's number, over and over
FILLING_WORDS   equ 236
SIZE            equ FILLING + 2 * FILLING_WORDS

QUERY           equ 'Q'
HERE            equ 'H'
DATA            equ 'D'
ECHO            equ 'E'

start:  cld
        mov     ax, 7A00h
        int     2Fh
        mov     dx, no_ipx
        cmp     al, 0FFh
        jne     fail
        mov     [ipx], di
        mov     [ipx + 2], es
        push    cs
        pop     es
        mov     [send_ecb + ECB_SEGMENT], cs
        mov     [listen_1 + ECB_SEGMENT], cs
        mov     [listen_2 + ECB_SEGMENT], cs
        call    tick
        mov     bx, IPX_OPEN
        xor     al, al
        mov     dx, ((SOCKET & 0FFh) << 8) | (SOCKET >> 8)
        call    far [ipx]
        mov     dx, no_socket
        test    al, al
        jnz     fail
        mov     bx, IPX_ADDRESS
        mov     si, own
        call    far [ipx]
        mov     si, listen_1
        call    listen
        mov     si, listen_2
        call    listen

        mov     si, 81h                 ; the command line
.role:  lodsb
        cmp     al, ' '
        je      .role
        and     al, 0DFh
        cmp     al, 'A'
        je      role_a
        cmp     al, 'B'
        je      role_b
        mov     dx, no_role

fail:   push    dx
        mov     si, text_fail
        call    put_text
        pop     si
        jmp     report

; ---- A

role_a: mov     al, QUERY
        mov     si, everyone
        call    send
        mov     ax, QUERY_TICKS
        call    receive
        jc      role_a
        cmp     byte [inbox + KIND], HERE
        jne     role_a
        call    meet

a_next: inc     word [number]
        inc     word [sent]
a_send: mov     al, DATA
        mov     si, peer
        call    send
a_wait: mov     ax, RETRY_TICKS
        call    receive
        jnc     .arrived
        inc     word [retries]
        jmp     a_send
.arrived:
        cmp     byte [inbox + KIND], ECHO
        jne     a_wait
        call    check
        mov     ax, [number]
        cmp     ax, [inbox + ANSWERED]
        jne     a_wait
        mov     dx, out_of_order        ; B numbers its own packets, and B's n-th answers A's n-th
        cmp     ax, [inbox + NUMBER]
        jne     fail
        inc     word [received]
        cmp     ax, COUNT
        jb      a_next
        jmp     success

; ---- B

role_b: mov     ax, LIMIT
        call    receive
        cmp     byte [inbox + KIND], QUERY
        jne     role_b
        call    meet
b_here: mov     al, HERE
        mov     si, peer
        call    send
b_wait: mov     ax, LIMIT
        cmp     word [received], COUNT
        jb      .wait
        mov     ax, LINGER_TICKS
.wait:  call    receive
        jc      success
        cmp     byte [inbox + KIND], QUERY
        je      b_here
        cmp     byte [inbox + KIND], DATA
        jne     b_wait
        call    check
        mov     ax, [inbox + NUMBER]
        cmp     ax, [received]
        je      .again
        inc     word [received]
        mov     dx, out_of_order
        cmp     ax, [received]
        jne     fail
        inc     word [number]
        inc     word [sent]
        jmp     .echo
.again: inc     word [retries]
.echo:  mov     [answered], ax
        mov     al, ECHO
        mov     si, peer
        call    send
        jmp     b_wait

success:
        mov     si, text_ok
        jmp     report

; ---- packets

; Remember who sent the packet in inbox, and who is to be sent the answers to.
meet:   mov     si, inbox + SOURCE
        mov     di, peer
        mov     cx, 5
        rep     movsw
        mov     si, came_by
        mov     di, goes_by
        mov     cx, 3
        rep     movsw
        ret

; End with FAIL unless the packet in inbox is the peer's and its filling is whole.
check:  mov     si, inbox + SOURCE
        mov     di, peer
        mov     cx, 5
        repe    cmpsw
        mov     dx, stranger
        jne     fail
        mov     ax, [inbox + NUMBER]
        mov     di, inbox + FILLING
        mov     cx, FILLING_WORDS
        repe    scasw
        mov     dx, damaged
        jne     fail
        ret

; Post the ECB at SI to listen.
listen: mov     word [si + ECB_LENGTH], SIZE
        mov     bx, IPX_LISTEN
        call    far [ipx]
        ret

; Send a packet of kind AL to the address at SI, behind which stands the node that it goes by.
send:   cmp     byte [send_ecb + ECB_IN_USE], 0
        je      .free
        push    ax
        call    tick
        pop     ax
        jmp     send
.free:  mov     [outbox + KIND], al
        mov     di, outbox + DESTINATION
        mov     cx, 5
        rep     movsw
        mov     di, send_ecb + ECB_IMMEDIATE
        mov     cx, 3
        rep     movsw
        mov     ax, [answered]
        mov     [outbox + ANSWERED], ax
        mov     ax, [number]
        mov     [outbox + NUMBER], ax
        mov     di, outbox + FILLING
        mov     cx, FILLING_WORDS
        rep     stosw
        mov     bx, IPX_SEND
        mov     si, send_ecb
        call    far [ipx]
        ret

; Wait at most AX ticks for a packet of this program from another node: carry clear, packet in inbox.
receive:
        add     ax, [elapsed]
        mov     [until], ax
.poll:  call    tick
        mov     bx, listen_1
        cmp     byte [bx + ECB_IN_USE], 0
        je      .arrived
        mov     bx, listen_2
        cmp     byte [bx + ECB_IN_USE], 0
        je      .arrived
        mov     bx, IPX_RELINQUISH
        call    far [ipx]
        mov     ax, [elapsed]
        cmp     ax, [until]
        jb      .poll
        stc
        ret
.arrived:
        lea     si, [bx + ECB_IMMEDIATE]
        mov     di, came_by
        mov     cx, 3
        rep     movsw
        mov     si, [bx + ECB_BUFFER]
        mov     di, inbox
        mov     cx, SIZE / 2
        rep     movsw
        mov     si, bx
        call    listen
        mov     si, inbox + SOURCE_NODE ; DOSBox hands a sender its own broadcasts
        mov     di, own + 4
        mov     cx, 3
        repe    cmpsw
        je      .poll
        cmp     word [inbox + MAGIC], 'NW'
        jne     .poll
        cmp     word [inbox + MAGIC + 2], 'IP'
        jne     .poll
        clc
        ret

; Count the BIOS's ticks as they pass (so that midnight does no harm); end with FAIL when LIMIT is reached.
tick:   push    es
        push    40h
        pop     es
        mov     ax, [es:6Ch]
        pop     es
        cmp     ax, [last_tick]
        je      .same
        mov     [last_tick], ax
        inc     word [elapsed]
        cmp     word [elapsed], LIMIT
        mov     dx, too_late
        jae     fail
.same:  ret

; ---- the report

report: call    put_text
        mov     ax, [sent]
        call    put_number
        mov     ax, [received]
        call    put_number
        mov     si, text_retries
        call    put_text
        mov     ax, [retries]
        call    put_number
        mov     si, text_peer
        call    put_text
        mov     si, peer + 4
        mov     cx, 6
.node:  lodsb
        call    put_octet
        loop    .node
        mov     ax, 0A0Dh
        call    put_pair

        mov     ah, 3Ch                 ; create
        xor     cx, cx
        mov     dx, file_name
        int     21h
        jc      .exit
        mov     bx, ax
        mov     ah, 40h                 ; write
        mov     dx, line
        mov     cx, [line_end]
        sub     cx, dx
        int     21h
        mov     ah, 3Eh                 ; close
        int     21h
.exit:  cmp     word [ipx + 2], 0
        je      .done
        mov     bx, IPX_CLOSE
        mov     dx, ((SOCKET & 0FFh) << 8) | (SOCKET >> 8)
        call    far [ipx]
.done:  mov     ax, 4C00h
        int     21h

; Append the zero-ended text at SI.
put_text:
        mov     di, [line_end]
.next:  lodsb
        test    al, al
        jz      .end
        stosb
        jmp     .next
.end:   mov     [line_end], di
        ret

; Append AX in decimal, and a space.
put_number:
        xor     cx, cx
        mov     bx, 10
.digit: xor     dx, dx
        div     bx
        push    dx
        inc     cx
        test    ax, ax
        jnz     .digit
        mov     di, [line_end]
.out:   pop     ax
        add     al, '0'
        stosb
        loop    .out
        mov     al, ' '
        stosb
        mov     [line_end], di
        ret

; Append AL as two hexadecimal digits.
put_octet:
        mov     ah, al
        shr     al, 4
        and     ah, 0Fh
        call    hex_digit
        xchg    al, ah
        call    hex_digit
        xchg    al, ah
put_pair:
        mov     di, [line_end]
        stosw
        mov     [line_end], di
        ret

hex_digit:
        add     al, '0'
        cmp     al, '9'
        jbe     .done
        add     al, 'A' - '9' - 1
.done:  ret

; ---- data

text_ok         db 'OK ', 0
text_fail       db 'FAIL ', 0
text_retries    db 'retries ', 0
text_peer       db 'peer ', 0
no_ipx          db 'no-ipx ', 0
no_socket       db 'no-socket ', 0
no_role         db 'no-role ', 0
too_late        db 'time-is-up ', 0
stranger        db 'stranger ', 0
damaged         db 'damaged ', 0
out_of_order    db 'out-of-order ', 0
file_name       db 'RESULT.TXT', 0

ipx             dw 0, 0
own             times 10 db 0           ; network 4, node 6
peer            times 10 db 0           ; and behind it the node by which it is reached: itself or a router
goes_by         times 6 db 0
everyone        times 4 db 0            ; this network
                times 12 db 0FFh
came_by         times 6 db 0
number          dw 0
answered        dw 0
sent            dw 0
received        dw 0
retries         dw 0
elapsed         dw 0
until           dw 0
last_tick       dw 0
line_end        dw line

%macro ecb 1                            ; one fragment: the buffer
        times ECB_SOCKET db 0
        db SOCKET >> 8, SOCKET & 0FFh
        times ECB_BUFFER - 2 - ECB_SOCKET - 2 db 0
        dw 1
        dw %1
        dw 0                            ; the segment, known at run time
        dw SIZE
%endmacro

send_ecb:       ecb outbox
listen_1:       ecb buffer_1
listen_2:       ecb buffer_2

outbox:         dw 0FFFFh, 0
                db 0, 4                 ; transport control, packet type PEP
                times 10 db 0
                db SOCKET >> 8, SOCKET & 0FFh
                times 12 db 0
                db 'NWIP'
                times SIZE - ($ - outbox) db 0

        section .bss
inbox:          resb SIZE
buffer_1:       resb SIZE
buffer_2:       resb SIZE
line:           resb 128
