using System.Collections;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace DpSgd;

/// <summary>
/// Enumerates something on a thread of its own, ahead of whoever asks for it. What was made and never asked for is released;
/// an exception comes where the item would have come; disposing ends the thread and waits for it.
/// </summary>
internal sealed class Prefetching<T> : IEnumerator<T>
{
    private readonly IEnumerable<T> _source;
    private readonly Action<T> _release;
    private readonly BlockingCollection<T> _made = [];
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _worker;
    private ExceptionDispatchInfo? _failure;
    private T? _current;
    private bool _disposed;

    /// <param name="source">Enumerated once, on the worker thread alone.</param>
    /// <param name="ahead">How many items may be made before they are asked for; at least one.</param>
    /// <param name="release">What to do with an item that is never asked for.</param>
    public Prefetching(IEnumerable<T> source, int ahead, Action<T> release)
    {
        _source = source;
        _release = release;
        _room = new(ahead);
        _worker = new Thread(Work) { IsBackground = true, Name = "DpSgd prefetch" };
        _worker.Start();
    }

    public T Current => _current!;

    object? IEnumerator.Current => Current;

    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_made.TryTake(out _current, Timeout.Infinite))
        {
            _room.Release();
            return true;
        }
        _failure?.Throw();
        return false;
    }

    public void Reset() => throw new NotSupportedException();

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _stop.Cancel();
        _worker.Join();
        while (_made.TryTake(out var item))
            _release(item);
        _made.Dispose();
        _room.Dispose();
        _stop.Dispose();
    }

    private void Work()
    {
        try
        {
            using var items = _source.GetEnumerator();
            while (true)
            {
                _room.Wait(_stop.Token);
                if (!items.MoveNext())
                    break;
                _made.Add(items.Current);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed: nobody asks any more.
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
        }
        finally
        {
            _made.CompleteAdding();
        }
    }
}
